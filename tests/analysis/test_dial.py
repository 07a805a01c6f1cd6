"""The gap dial: strength 0 is the set unchanged, strength 1 the full method, and changes have intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from suture.analysis.gap import pair_gap
from suture.analysis.math.arrays import unit_rows
from suture.analysis.posthoc import METHODS, fit
from suture.analysis.posthoc.dial import (
    AnswerRanks,
    DialChange,
    Motion,
    Sweep,
    changes,
    motion,
    seeded_rows,
    strengths,
    sweep,
    v_measures,
)
from suture.analysis.posthoc.dial_plane import plane
from suture.analysis.retrieval import retrieval
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.analysis.structure.clustering import v_measure
from tests.conftest import beside

Pair = tuple[np.ndarray, np.ndarray]


def shifted(n: int = 240, dim: int = 12, seed: int = 0) -> Pair:
    """Pairs around two middles: a planted shift."""
    rng = np.random.default_rng(seed)
    shared, way = rng.normal(size=(n, dim)), 2 * rng.normal(size=dim)
    x, y = (shared + 0.7 * rng.normal(size=(n, dim)) + sign * way for sign in (1, -1))
    return unit_rows(x), unit_rows(y)


def dialled(x: np.ndarray, y: np.ndarray, method: str) -> tuple[Motion, Motion]:
    """Fitted on the first half, to move the second."""
    half = len(x) // 2
    adapter = fit({"x": x[:half], "y": y[:half]}, method)
    return motion(adapter, "x", x[half:]), motion(adapter, "y", y[half:])


def measured(x: np.ndarray, y: np.ndarray, method: str, at: np.ndarray | None = None) -> Sweep:
    a, b = dialled(x, y, method)
    rows = np.arange(len(a.start))
    return sweep(a, b, strengths(method) if at is None else at, keys=rows, groups=rows)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("strength", [0, 0.35, 1])
def test_positions_are_those_of_the_adapter(method: str, strength: float) -> None:
    x, y = shifted()
    adapter = fit({"x": x[:120], "y": y[:120]}, method)
    applied = adapter.apply({"x": x[120:], "y": y[120:]}, strength=strength)
    for name, rows in (("x", x[120:]), ("y", y[120:])):
        np.testing.assert_allclose(motion(adapter, name, rows).at(strength), applied[name], atol=1e-12)


def test_position_0_is_the_set_as_it_is() -> None:
    """Gap and cosine to 1e-12, recalls exactly, with texts that occur up to five times."""
    x, y = shifted()
    copies = np.random.default_rng(1).integers(60, size=120)
    y[120:] = y[120:][copies]
    groups = np.repeat(np.arange(40), 3)
    a, b = dialled(x, y, "mean-removal")
    result = sweep(a, b, np.array([0, 1]), keys=copies, groups=groups)
    plain = pair_gap(x[120:], y[120:], bootstrap=GroupBootstrap(groups, resamples=10))
    for name in ("centroid_gap", "centroid_gap_debiased", "cos_true_pairs"):
        assert result.numbers[name][0] == pytest.approx(getattr(plain, name).value, abs=1e-12)
    for way, sides in (("forward", (x, y)), ("back", (y, x))):
        library = retrieval(*(s[120:] for s in sides), protocol="multi_positive", keys=copies, resamples=10)
        for k, estimate in library.recall.items():
            assert result.numbers[f"recall_at_{k}:{way}"][0] == pytest.approx(estimate.value, abs=1e-12)
    assert (result.n, result.n_groups) == (120, 40)


def test_above_four_million_scores_recalls_agree_with_double_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = shifted()
    exact = AnswerRanks(x, y, np.arange(240)).ranks(x, y)
    monkeypatch.setattr("suture.analysis.posthoc.dial.DOUBLE_PRECISION_SCORES", 0)
    single = AnswerRanks(x, y, np.arange(240)).ranks(x, y)
    for a, b in zip(exact, single, strict=True):
        np.testing.assert_array_equal(a.above, b.above)


@pytest.mark.parametrize("name", ["set_a_pair_n64_d16", "set_b_pair_n257_d32"])
def test_mean_removal_at_1_has_the_gap_of_the_reference(name: str) -> None:
    folder = beside("science", "reference_values")
    values = json.loads((folder / "own_values.json").read_text())
    key = "mean removal (GR-CLIP / I0T_post)"
    expected = values[f"{name}|posthoc"][key]
    stored = np.load(folder / f"{name}.npz")
    x, y = (unit_rows(stored[k]) for k in ("image", "text"))
    adapter = fit({"x": x, "y": y}, "mean-removal")
    rows = np.arange(len(x))
    a, b = motion(adapter, "x", x), motion(adapter, "y", y)
    result = sweep(a, b, np.array([0.0, 1.0]), keys=rows, groups=rows)
    assert result.numbers["centroid_gap"][1] == pytest.approx(expected["gap"], abs=1e-9)


def test_a_planted_shift_closes_step_by_step_and_opens_beyond() -> None:
    result = measured(*shifted(), "lambda-shift")
    gaps, at = np.array(result.numbers["centroid_gap"]), np.array(result.strengths)
    assert (np.diff(gaps[at <= 1]) < 0).all()
    assert gaps[at == 1] < 0.2 * gaps[0]
    assert gaps[-1] > 2 * gaps[at == 1]


def test_changes_say_better_only_beyond_their_interval() -> None:
    assert DialChange("recall_at_1:back", 0.2, 0.3, 0.05).verdict == "better"
    assert DialChange("recall_at_1:back", 0.3, 0.2, 0.05).verdict == "worse"
    assert DialChange("recall_at_1:back", 0.2, 0.23, 0.05).verdict == "unclear"
    assert DialChange("recall_at_1:back", 0.2, 0.2, 0.0).verdict == "unclear"
    assert DialChange("centroid_gap", 0.3, 0.2, float("nan")).verdict == ""


def test_noise_without_pairs_gains_nothing_on_other_rows() -> None:
    rng = np.random.default_rng(3)
    x, y = (unit_rows(rng.normal(size=(400, 64))) for _ in range(2))
    result = measured(x, y, "procrustes", np.array([0.0, 1.0]))
    assert {c.verdict for c in changes(result, 1) if c.key.startswith("recall")} == {"unclear"}


def test_the_interval_of_a_change_counts_groups_and_not_studies() -> None:
    x, y = shifted()
    a, b = dialled(x, y, "mean-removal")
    twice = [Motion(np.repeat(m.start, 2, axis=0), m.step) for m in (a, b)]
    single = sweep(a, b, np.array([0.0, 1.0]), keys=np.arange(120), groups=np.arange(120))
    pairs = np.repeat(np.arange(120), 2)
    double = sweep(*twice, np.array([0.0, 1.0]), keys=pairs, groups=pairs)
    key = "cos_true_pairs"
    assert double.margins[key][1] == pytest.approx(single.margins[key][1], rel=1e-9)
    assert single.margins[key][0] == 0


def test_clusters_are_v_measure_and_closing_lets_them_follow_the_label() -> None:
    rng = np.random.default_rng(5)
    labels = np.array([f"kind {i}" for i in rng.integers(3, size=240)])
    centres = dict(zip(np.unique(labels), rng.normal(size=(3, 12)), strict=True))
    way = 4 * rng.normal(size=12)
    content = np.stack([centres[name] for name in labels])
    x, y = (unit_rows(content + 0.2 * rng.normal(size=(240, 12)) + s * way) for s in (1, -1))
    a, b = dialled(x, y, "mean-removal")
    values = v_measures(a, b, np.array([0.0, 1.0]), labels[120:])
    plain = v_measure([x[120:], y[120:]], labels[120:], seeds=3, n_init=1)
    assert values[0] == pytest.approx(plain.v_measure, abs=1e-12)
    assert values[1] > values[0] + 0.2


def followed(coefficients: np.ndarray, strength: float) -> np.ndarray:
    """What dial.js makes of the float32 numbers that it gets."""
    x, y, step_x, step_y, along, squared = coefficients.astype(float).T
    length = np.sqrt(1 + 2 * strength * along + strength**2 * squared)
    return np.stack([x + strength * step_x, y + strength * step_y], axis=1) / length[:, None]


@pytest.mark.parametrize("method", METHODS)
def test_six_numbers_a_row_are_its_place_in_one_plane_at_every_strength(method: str) -> None:
    motions = dict(zip("xy", dialled(*shifted(), method), strict=True))
    flat = plane(motions)
    at = strengths(method)
    (left, right), (bottom, top) = flat.reach(at.tolist())
    for name, m in motions.items():
        coefficients = flat.tracks[name].coefficients()
        assert coefficients.shape == (120, 6)
        for strength in at:
            place = m.at(strength) @ flat.axes
            np.testing.assert_allclose(followed(coefficients, strength), place, atol=1e-5)
            assert (place > [left, bottom]).all()
            assert (place < [right, top]).all()


def test_numbers_survive_json() -> None:
    result = measured(*shifted(), "lambda-shift", np.array([0.0, 0.5]))
    assert Sweep.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_positions_end_where_the_method_does() -> None:
    assert strengths("lambda-shift")[-1] == 1.5
    assert strengths("procrustes").tolist() == [round(0.05 * i, 2) for i in range(21)]


def test_a_sweep_starts_as_is() -> None:
    with pytest.raises(ValueError, match="first strength must be 0"):
        measured(*shifted(), "lambda-shift", np.array([0.5, 1.0]))


def test_a_sample_is_seeded_in_order_and_without_repeats() -> None:
    rows = seeded_rows(100, 30)
    assert len(set(rows)) == 30
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, seeded_rows(100, 30))
    np.testing.assert_array_equal(seeded_rows(5, 30), np.arange(5))
