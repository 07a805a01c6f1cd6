"""Properties that hold for any embeddings: invariances, controls, edge cases, interval coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis import gap
from suture.analysis.geometry import spread
from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import Ranks, joint_keys, rank_best, retrieval
from suture.analysis.statistics.bootstrap import GroupBootstrap

sizes = st.tuples(st.integers(3, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))


def cloud(n: int, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, dim))
    x, y = (shared + rng.normal(size=(n, dim)) + rng.normal(size=dim) for _ in range(2))
    return unit_rows(x), unit_rows(y)


def rotation(dim: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


def numbers(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    bootstrap = GroupBootstrap(np.arange(len(x)), resamples=2)
    result = {k: e.value for k, e in vars(gap.pair_gap(x, y, bootstrap=bootstrap)).items()}
    result["angular"] = gap.angular_value(x, bootstrap=bootstrap).value
    stack = np.concatenate([x, y])
    result["wi"] = spread.uniformity_wi(stack, bootstrap=bootstrap).value
    result["w2"] = spread.uniformity_w2(stack, bootstrap=bootstrap).value
    return result


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_a_joint_rotation_changes_nothing(size: tuple[int, int, int]) -> None:
    x, y = cloud(*size)
    turn = rotation(size[1], size[2])
    assert numbers(x @ turn, y @ turn) == pytest.approx(numbers(x, y), abs=1e-6)


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_gap_is_blind_to_pairing_and_pairs_are_not(size: tuple[int, int, int]) -> None:
    """The permutation control: shuffled captions keep every distribution metric."""
    x, y = cloud(*size)
    before, after = numbers(x, y), numbers(x, np.roll(y, 1, axis=0))
    for name in ("centroid_gap", "angular", "wi", "w2"):
        # spectra of few rows hold zeros, whose square roots are 1e-8
        assert after[name] == pytest.approx(before[name], abs=1e-7 if name == "w2" else 1e-9)


def test_shuffled_captions_bring_recall_to_chance() -> None:
    rng = np.random.default_rng(0)
    x, _ = cloud(400, 16, 0)
    y = unit_rows(x + 0.1 * rng.normal(size=x.shape))
    assert retrieval(x, y, resamples=10).recall[1].value > 0.9
    shuffled = retrieval(x, y[rng.permutation(400)], resamples=10)
    assert shuffled.recall[10].value == pytest.approx(10 / 400, abs=0.03)
    assert gap.pair_gap(x, y[rng.permutation(400)]).margin.value == pytest.approx(0, abs=0.02)


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_pair_distance_is_offset_plus_residual(size: tuple[int, int, int]) -> None:
    x, y = cloud(*size)
    n = numbers(x, y)
    centred = np.square((x - x.mean(0)) - (y - y.mean(0))).sum(axis=1).mean()
    assert n["paired_residual"] == pytest.approx(centred, abs=1e-9)
    assert n["alignment"] == pytest.approx(n["centroid_gap"] ** 2 + centred, abs=1e-9)
    assert 0 <= n["offset_share"] <= 1 + 1e-12


def test_a_planted_shift_is_recovered() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=(2000, 64)) * 0.02
    x, y = base.copy(), base.copy()
    x[:, 0], y[:, 0] = 1.0, 1.0
    y[:, 1] += 0.5
    found = gap.pair_gap(unit_rows(x), unit_rows(y)).centroid_gap.value
    angle = np.arctan(0.5)
    assert found == pytest.approx(2 * np.sin(angle / 2), abs=0.02)


def test_debiased_gap_of_no_gap_is_about_zero() -> None:
    rng = np.random.default_rng(2)
    plain, debiased = [], []
    for _ in range(20):
        x, y = (unit_rows(rng.normal(size=(128, 64))) for _ in range(2))
        result = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.arange(128), resamples=2))
        plain.append(result.centroid_gap.value)
        debiased.append(result.centroid_gap_debiased.value)
    assert np.mean(plain) > 0.1  # what 128 unrelated rows read without correction
    assert np.median(debiased) < 0.03


def slow_hits(scores: np.ndarray, right: np.ndarray, k: int, rng: np.random.Generator) -> float:
    """Expected hit by drawing tie orders."""
    hits = 0
    for _ in range(4000):
        order = np.lexsort((rng.random(len(scores)), -scores))
        hits += right[order[:k]].any()
    return hits / 4000


def test_expected_hit_agrees_with_drawing_tie_orders() -> None:
    rng = np.random.default_rng(3)
    scores = np.array([3, 2, 2, 2, 2, 1, 1.0])
    right = np.array([False, True, False, False, True, True, False])
    ranks = Ranks(np.array([1]), np.array([4]), np.array([2]))
    for k in (1, 2, 3, 4, 5):
        assert ranks.hit(k)[0] == pytest.approx(slow_hits(scores, right, k, rng), abs=0.03)
    assert ranks.expected_rank()[0] == pytest.approx(1 + 5 / 3)


def test_equal_texts_tie_exactly() -> None:
    """Equal rows must score equally, whatever the matrix product does with rounding."""
    rng = np.random.default_rng(4)
    texts = unit_rows(rng.normal(size=(3, 96)))
    gallery = texts[rng.integers(3, size=700)]
    ranks = rank_best(unit_rows(rng.normal(size=(700, 96))), gallery, np.arange(700), np.arange(700))
    counts = [np.sum((gallery == row).all(axis=1)) for row in gallery]
    assert ranks.tied.tolist() == counts


def test_joint_keys_follow_texts_and_duplicate_groups() -> None:
    keys = joint_keys(np.array(["a", "a", "", "b", ""]), np.array(["", "", "g", "g", ""]))
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert len(set(keys)) == 3


def test_intervals_cover_about_as_often_as_they_say() -> None:
    """Gap, debiased gap and cosine of pairs over groups of two studies, 120 samples."""
    rng = np.random.default_rng(5)
    population = cloud(20_000, 12, 6)
    truth = numbers_of(*population)
    inside = dict.fromkeys(truth, 0)
    for _ in range(120):
        chosen = rng.choice(20_000, 150, replace=False)
        x, y = (side[chosen] for side in population)
        result = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.arange(150), resamples=300))
        for name in truth:
            estimate = getattr(result, name)
            inside[name] += estimate.low <= truth[name] <= estimate.high
    for name, count in inside.items():
        assert count / 120 > 0.86, (name, count)


def numbers_of(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    result = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.arange(len(x)), resamples=2))
    return {n: getattr(result, n).value for n in ("centroid_gap_debiased", "cos_true_pairs", "rmg")}


def test_groups_widen_intervals() -> None:
    """Ten copies of each study are no more evidence than one."""
    x, y = cloud(30, 8, 7)
    x10, y10 = np.repeat(x, 10, axis=0), np.repeat(y, 10, axis=0)
    alone = gap.pair_gap(x10, y10).cos_true_pairs
    grouped = gap.pair_gap(x10, y10, bootstrap=GroupBootstrap(np.repeat(np.arange(30), 10))).cos_true_pairs
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    assert grouped.n_groups == 30


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ones((3, 2)), np.ones((2, 2)), "one shape"),
        (np.ones((1, 2)), np.ones((1, 2)), "At least 2 pairs"),
        (np.zeros((3, 2)), np.ones((3, 2)), "3 of 3 rows are zero"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "not finite"),
    ],
)
def test_what_cannot_be_measured_is_said(x: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gap.pair_gap(x, y)


def test_one_pair_of_identical_rows_has_no_gap() -> None:
    x = unit_rows(np.array([[1.0, 0], [0, 1.0]]))
    result = gap.pair_gap(x, x)
    assert result.centroid_gap.value == 0
    assert result.rmg.value == 0
    assert result.offset_share.value == 0


def test_debiased_gap_counts_groups_and_not_studies() -> None:
    """Four nearly equal studies a patient and no true gap: the correction must follow the patients."""
    rng = np.random.default_rng(8)
    values = []
    for _ in range(15):
        patients = [np.repeat(rng.normal(size=(50, 64)), 4, axis=0) for _ in range(2)]
        x, y = (unit_rows(p + 0.1 * rng.normal(size=p.shape)) for p in patients)
        bootstrap = GroupBootstrap(np.repeat(np.arange(50), 4), resamples=20)
        values.append(gap.pair_gap(x, y, bootstrap=bootstrap).centroid_gap_debiased.value)
    assert np.median(values) < 0.06


def test_with_one_study_a_group_the_correction_is_residual_over_n_minus_one() -> None:
    x, y = cloud(40, 8, 9)
    found = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.arange(40), resamples=2))
    squared = found.centroid_gap.value**2 - found.paired_residual.value / 39
    assert found.centroid_gap_debiased.value == pytest.approx(np.sqrt(max(0, squared)), abs=1e-12)


def test_too_few_groups_give_no_interval() -> None:
    x, y = cloud(12, 4, 10)
    found = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.zeros(12), resamples=50))
    assert np.isnan(found.centroid_gap.low)
    assert np.isnan(found.cos_true_pairs.high)
    assert found.centroid_gap.value > 0
