"""Comparing two sets, and the requirements on their evaluations."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from suture.analysis.compare import compare, headline
from suture.analysis.evaluate import Evaluation, evaluate, evaluation_from_json
from suture.analysis.math.arrays import unit_rows
from suture.data.embedding_set import EmbeddingSet

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
    return EmbeddingSet(name, vectors, rows)


@pytest.fixture(scope="module")
def pair() -> tuple[Evaluation, Evaluation]:
    """A with a gap, B without."""
    a, b = (evaluate(embedded(name, offset), resamples=60) for name, offset in (("A", 20.0), ("B", 0.0)))
    return a, b


def test_closing_the_gap_is_read_the_right_way_round(pair: tuple[Evaluation, Evaluation]) -> None:
    rows = {(r.name, r.modalities, r.label): r for r in compare(*pair).rows if r.protocol is None}
    two = ("image", "report")
    gap = rows["centroid_gap", two, None]
    assert gap.difference == pytest.approx(gap.b.value - gap.a.value)
    assert gap.low < gap.difference < gap.high < -0.5
    assert (gap.verdict, gap.better, gap.title) == ("closed", "B", "Centroid gap")
    assert gap.p == pytest.approx(2 / 61)
    cosine = rows["cos_true_pairs", two, None]
    assert (cosine.verdict, cosine.better) == ("better", "B")
    assert (rows["offset_share", two, None].verdict, rows["offset_share", two, None].better) == (
        "changed",
        "neither",
    )
    residual = rows["paired_residual", two, None]
    assert (residual.verdict, residual.better) == ("worse", "A")
    back = compare(*pair[::-1])
    assert [r.difference for r in back.rows] == [r.difference and -r.difference for r in compare(*pair).rows]
    widened = back.find("centroid_gap", *two)
    assert widened is not None
    assert (widened.verdict, widened.better) == ("worse", "A")


def test_the_interval_is_of_paired_resamples(pair: tuple[Evaluation, Evaluation]) -> None:
    row = compare(*pair).find("cos_true_pairs", "image", "report")
    assert row is not None
    (low, high) = np.quantile(row.b.replicates - row.a.replicates, [0.025, 0.975])
    assert (row.low, row.high) == pytest.approx((low, high))
    assert row.high - row.low < (row.a.high - row.a.low) + (row.b.high - row.b.low)
    shorter = replace(
        pair[1], metrics=tuple(replace(m, replicates=m.replicates[:40]) for m in pair[1].metrics)
    )
    fewer = compare(pair[0], shorter).find("cos_true_pairs", "image", "report")
    assert fewer is not None
    both = row.b.replicates[:40] - row.a.replicates[:40]
    assert fewer.low == pytest.approx(np.quantile(both, 0.025))


def test_a_set_against_itself_is_unchanged_everywhere(pair: tuple[Evaluation, Evaluation]) -> None:
    for one in pair:
        comparison = compare(one, one)
        assert len(comparison.rows) == len(one.metrics)
        assert {r.verdict for r in comparison.rows if r.difference is not None} == {"unchanged"}
        assert {r.better for r in comparison.rows if r.difference is not None} == {"same"}
        assert {r.p for r in comparison.rows} <= {1.0, None}


def test_holm_is_over_the_headline_of_a_pair(pair: tuple[Evaluation, Evaluation]) -> None:
    comparison = compare(*pair)
    assert all(r.p_holm is None for r in comparison.rows if r not in headline(comparison))
    asked = [r for r in headline(comparison) if r.p is not None and set(r.modalities) <= {"image", "report"}]
    smallest = min(r.p for r in asked)
    gap = comparison.find("centroid_gap", "image", "report")
    assert gap is not None
    assert gap.p == smallest
    assert gap.p_holm == pytest.approx(min(1, len(asked) * smallest))


def test_without_replicates_there_is_no_verdict(pair: tuple[Evaluation, Evaluation]) -> None:
    bare = replace(pair[0], metrics=tuple(replace(m, replicates=np.empty(0)) for m in pair[0].metrics))
    row = compare(bare, pair[1]).find("centroid_gap", "image", "report")
    assert row is not None
    assert row.difference < -0.5
    assert (row.low, row.p, row.verdict, row.better) == (None, None, "no interval", "neither")


def test_an_undefined_number_has_no_difference(pair: tuple[Evaluation, Evaluation]) -> None:
    hidden = tuple(
        replace(m, value=None, low=None, high=None, reason="too few") if m.name == "rmg" else m
        for m in pair[1].metrics
    )
    comparison = compare(pair[0], replace(pair[1], metrics=hidden))
    row = next(r for r in comparison.rows if r.name == "rmg")
    assert (row.difference, row.low, row.verdict, row.better) == (None, None, "undefined", "neither")
    assert comparison.find("rmg") is None
    json.dumps(comparison.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "train"}, "over the same studies only: split is all in A, train in B"),
        ({"n": 7}, "over the same studies only: n is 80 in A, 7 in B"),
        ({"seed": 3}, "over the same studies only: seed is 0 in A, 3 in B"),
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
    gaps = ["centroid_gap", "centroid_gap_debiased", "cos_true_pairs"]
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
    assert (side.label, side.n) == ("side", N * 3 // 4)
    assert "label side" in side.convention
    assert again.find("v_measure", label="serial") is None
    hubs = again.find("hubness_skew", direction="report->image")
    assert hubs is not None
    assert (hubs.modalities, hubs.n_gallery) == (("report", "image"), N)


def test_one_group_has_no_floor_and_the_rest_is_measured() -> None:
    one = embedded("one", 1.0, modalities=2)
    one.rows["group"] = "same"
    result = evaluate(one, resamples=20)
    assert result.find("centroid_gap_floor") is None
    assert result.find("centroid_gap") is not None
    json.dumps(result.to_json(), allow_nan=False)
