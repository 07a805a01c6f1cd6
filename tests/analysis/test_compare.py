"""Two sets side by side, and what an evaluation must hold for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.arrays import unit_rows
from analysis.catalogue import CATALOGUE
from analysis.compare import compare, headline
from analysis.evaluate import Evaluation, evaluate, evaluation_from_json
from data.embeddings import EmbeddingSet

N = 80
NAMES = ("image", "report", "history")


def embedded(name: str, offset: float, modalities: int = 3) -> EmbeddingSet:
    """Studies of two regions; every modality lies `offset` along a direction of its own."""
    rng = np.random.default_rng(0)
    content = rng.normal(size=(N, 24))
    content[:, 0] += np.where(np.arange(N) % 2, 6, -6)
    vectors = {
        m: unit_rows(content + rng.normal(size=content.shape) + offset * np.eye(24)[5 + i])
        for i, m in enumerate(NAMES[:modalities])
    }
    ids = [f"s{i}" for i in range(N)]
    blank = [""] * N
    rows = pd.DataFrame({"study_id": ids, "group": ids, "split": "test", "duplicate_group": blank})
    rows["serial"] = ids  # too many values
    rows["constant"] = "x"  # too few
    rows["region"] = np.where(np.arange(N) % 2, "chest", "hand")
    rows["side"] = ["", "left", "right", "left"] * (N // 4)
    rows["third"], rows["fourth"] = rows["region"], rows["region"]
    return EmbeddingSet(name, vectors, rows, {})


@pytest.fixture(scope="module")
def pair() -> tuple[Evaluation, Evaluation]:
    """A with a gap, B without."""
    a, b = (evaluate(embedded(name, offset), resamples=20) for name, offset in (("A", 20.0), ("B", 0.0)))
    return a, b


def test_closing_the_gap_is_read_the_right_way_round(pair: tuple[Evaluation, Evaluation]) -> None:
    rows = {(r.name, r.modalities, r.label): r for r in compare(*pair).rows if r.protocol is None}
    two = ("image", "report")
    gap = rows["centroid_gap", two, None]
    assert gap.difference == pytest.approx(gap.b.value - gap.a.value)
    assert gap.difference < -0.5
    assert (gap.better, gap.separate, gap.title) == ("B", True, "Centroid gap")
    assert rows["cos_true_pairs", two, None].difference > 0
    assert rows["cos_true_pairs", two, None].better == "B"
    assert rows["offset_share", two, None].better == "neither"
    assert rows["effective_rank", ("image",), None].better == "B"
    assert rows["v_measure", two, "region"].better == "B"
    assert rows["v_measure", two, "region"].separate is None
    assert rows["cluster_modality_nmi", two, "region"].better == "B"


def test_a_set_against_itself_is_the_same(pair: tuple[Evaluation, Evaluation]) -> None:
    comparison = compare(pair[0], pair[0])
    assert len(comparison.rows) == len(pair[0].metrics)
    assert {r.better for r in comparison.rows} == {"same", "neither"}
    assert not any(r.separate for r in comparison.rows)
    back = compare(pair[1], pair[0])
    forth = compare(*pair)
    assert [r.difference for r in back.rows] == [-r.difference for r in forth.rows]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "train"}, "over the same studies only: split is all in A, train in B"),
        ({"n": 7}, "over the same studies only: n is 80 in A, 7 in B"),
        ({"modalities": ("image", "report")}, "over the same studies only: modalities"),
    ],
)
def test_other_studies_are_refused(
    pair: tuple[Evaluation, Evaluation], change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare(pair[0], replace(pair[1], **change))


def test_other_studies_of_one_pair_are_refused(pair: tuple[Evaluation, Evaluation]) -> None:
    fewer = tuple(replace(m, n=m.n - 1) if m.name == "rmg" else m for m in pair[1].metrics)
    with pytest.raises(ValueError, match=r"n of rmg \(image and report\) is 80 in A, 79 in B"):
        compare(pair[0], replace(pair[1], metrics=fewer))


def test_headline_is_short_and_in_order(pair: tuple[Evaluation, Evaluation]) -> None:
    two = [evaluate(embedded(name, 1.0, modalities=2), resamples=20) for name in "AB"]
    names = [r.name for r in headline(compare(*two))]
    recalls = [f"recall_at_{k}" for k in (1, 1, 5, 5, 10, 10)]
    gaps = ["centroid_gap", "centroid_gap_debiased", "centroid_gap_floor", "cos_true_pairs"]
    assert names == [*gaps, *recalls, *["effective_rank"] * 2, *["v_measure"] * 3]
    assert {r.protocol for r in headline(compare(*two))} == {None, "multi_positive"}


def test_comparison_is_plain_json(pair: tuple[Evaluation, Evaluation]) -> None:
    comparison = compare(*pair)
    record = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert [record[k] for k in ("a", "b", "split", "n")] == ["A", "B", "all", N]
    assert record["rows"][0]["a"]["value"] == comparison.rows[0].a.value
    assert len(record["rows"]) == len(comparison.rows)


def test_evaluation_survives_json_and_finds_labels(pair: tuple[Evaluation, Evaluation]) -> None:
    result = pair[0]
    again = evaluation_from_json(json.loads(json.dumps(result.to_json(), allow_nan=False)))
    assert again == result
    labels = [m.label for m in result.metrics if m.name == "v_measure" and m.modalities == NAMES[:2]]
    assert labels == ["region", "side", "third"]  # the first three that fit
    side = again.find("v_measure", *NAMES[:2], label="side")
    assert side is not None
    assert (side.label, side.n, side.low) == ("side", N * 3 // 4, None)
    assert "label side, K = 2, sd 0." in side.convention
    assert again.find("v_measure", label="serial") is None
    hubs = again.find("hubness_skew", direction="report->image")
    assert hubs is not None
    assert (hubs.modalities, hubs.n_gallery) == (("report", "image"), N)


def test_every_metric_is_in_the_catalogue_and_in_the_docs(pair: tuple[Evaluation, Evaluation]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    single = {m.name for m in pair[0].metrics} - {m.name for m in pair[0].metrics if m.modalities == NAMES}
    assert single == set(CATALOGUE)
    assert all(f"`{'recall_at_k' if 'recall' in name else name}`" in page for name in CATALOGUE)
    directions = {
        line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")
    }
    for name, info in CATALOGUE.items():
        if name in directions:
            assert f"| {info.better} |" in directions[name], name


def test_one_group_has_no_floor_and_the_rest_is_measured() -> None:
    one = embedded("one", 1.0, modalities=2)
    one.rows["group"] = "same"
    result = evaluate(one, resamples=20)
    assert result.find("centroid_gap_floor") is None
    assert result.find("centroid_gap") is not None
    json.dumps(result.to_json(), allow_nan=False)
