"""The probe: same values as the metrics, over pairs and modalities; undefined metrics are left out."""

from __future__ import annotations

import numpy as np
import pytest

from suture.analysis import gap
from suture.analysis.evaluate.probe import probe_metrics
from suture.analysis.geometry import spread
from suture.analysis.retrieval import retrieval
from suture.analysis.retrieval.hubness import hubness_skew
from suture.analysis.statistics.bootstrap import GroupBootstrap

N = 40


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.fixture
def vectors() -> dict[str, np.ndarray]:
    """Two modalities around the same studies, moved apart."""
    rng = np.random.default_rng(0)
    studies, apart = rng.normal(size=(N, 12)), 0.8
    return {
        "image": unit(studies + 0.4 * rng.normal(size=(N, 12)) + apart),
        "report": unit(studies + 0.4 * rng.normal(size=(N, 12)) - apart),
    }


GROUPS = np.array([f"g{i // 2}" for i in range(N)])
ALONE = {m: np.full(N, -1) for m in ("image", "report", "history")}


def test_two_modalities_are_measured_as_the_metrics_do(vectors: dict[str, np.ndarray]) -> None:
    found = probe_metrics(vectors, ALONE, GROUPS)
    x, y = vectors["image"], vectors["report"]
    apart = gap.pair_gap(x, y, bootstrap=GroupBootstrap(GROUPS, resamples=2))
    for name in ("centroid_gap", "centroid_gap_debiased", "cos_true_pairs", "margin"):
        assert found[name] == pytest.approx(getattr(apart, name).value)
    options = {"protocol": "multi_positive", "groups": GROUPS, "resamples": 200}
    scores = [retrieval(*pair, keys=np.arange(N), **options).recall[10] for pair in ((x, y), (y, x))]
    assert found["recall_at_10"] == pytest.approx(np.mean([s.value for s in scores]))
    assert found["recall_at_10_half"] == pytest.approx(np.mean([(s.high - s.low) / 2 for s in scores]))
    assert found["recall_at_10_chance"] == pytest.approx(10 / N)
    assert found["hubness_skew"] == max(hubness_skew(x, y), hubness_skew(y, x))
    for name, function in (
        ("effective_rank", spread.effective_rank),
        ("uniformity_wi", spread.uniformity_wi),
        ("angular_value", gap.angular_value),
    ):
        assert found[name] == pytest.approx(np.mean([function(z).value for z in (x, y)]))


def test_three_modalities_are_means_over_pairs_of_studies_that_have_both(
    vectors: dict[str, np.ndarray],
) -> None:
    history = vectors["report"].copy()
    history[:15] = 0  # missing
    found = probe_metrics({**vectors, "history": history}, ALONE, GROUPS)
    there = slice(15, None)
    parts = [
        probe_metrics(vectors, ALONE, GROUPS),
        probe_metrics(_of(vectors, there), _of(ALONE, there), GROUPS[there]),
        probe_metrics(
            {"a": history[there], "b": history[there]},
            {"a": ALONE["image"][there], "b": ALONE["image"][there]},
            GROUPS[there],
        ),
    ]
    for name in ("centroid_gap", "cos_true_pairs", "recall_at_10", "recall_at_10_chance"):
        assert found[name] == pytest.approx(np.mean([p[name] for p in parts]))
    assert found["hubness_skew"] == max(p["hubness_skew"] for p in parts)


def _of(values: dict[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    return {name: x[rows] for name, x in values.items()}


def test_studies_of_the_same_text_are_right_answers_of_each_other(vectors: dict[str, np.ndarray]) -> None:
    keys = {**ALONE, "report": np.arange(N) // 4}
    found, alone = probe_metrics(vectors, keys, GROUPS), probe_metrics(vectors, ALONE, GROUPS)
    assert found["recall_at_10"] > alone["recall_at_10"]
    rng = np.random.default_rng(1)
    hits = [np.any(rng.permutation(N)[:10] < 4) for _ in range(20_000)]
    assert found["recall_at_10_chance"] == pytest.approx(np.mean(hits), abs=0.012)


def test_the_gap_shrinks_when_the_modalities_are_moved_together(vectors: dict[str, np.ndarray]) -> None:
    before = probe_metrics(vectors, ALONE, GROUPS)
    closed = {m: unit(x - x.mean(axis=0)) for m, x in vectors.items()}
    after = probe_metrics(closed, ALONE, GROUPS)
    assert after["centroid_gap"] < 0.1 < before["centroid_gap"]
    assert after["cos_true_pairs"] > before["cos_true_pairs"]
    assert after["angular_value"] < before["angular_value"]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_a_handful_of_studies_gives_finite_numbers(vectors: dict[str, np.ndarray], n: int) -> None:
    """With fewer than five groups there is no interval, and none is claimed."""
    rows = slice(0, n)
    found = probe_metrics(_of(vectors, rows), _of(ALONE, rows), np.array(["a", "b", "c", "d"] * 2)[rows])
    assert np.isfinite([*found.values()]).all()
    assert "recall_at_10_half" not in found
    assert found["recall_at_10"] == found["recall_at_10_chance"] == 1


def test_a_modality_that_hardly_any_study_has_is_left_out(vectors: dict[str, np.ndarray]) -> None:
    rare = np.zeros((N, 12))
    rare[0] = vectors["image"][0]
    found = probe_metrics({**vectors, "history": rare}, ALONE, GROUPS)
    assert found == probe_metrics(vectors, ALONE, GROUPS)
    assert probe_metrics({"image": rare, "report": rare}, ALONE, GROUPS) == {}


def test_collapsed_vectors_are_measured_too() -> None:
    """All studies at one point: no error, and numbers that say so."""
    point = np.tile(unit(np.ones((1, 6))), (N, 1))
    found = probe_metrics({"image": point, "report": point}, ALONE, GROUPS)
    assert found["centroid_gap"] == pytest.approx(0, abs=1e-6)
    assert found["angular_value"] == pytest.approx(1)
    assert found["uniformity_wi"] == pytest.approx(0, abs=1e-9)
    assert found["margin"] == pytest.approx(0, abs=1e-9)
