"""The gap: values and resamples against slow implementations, permutation test, further metrics, edges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis import gap
from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.analysis.planted import once, pair, resampled_width, rotation, width
from tests.analysis.test_reference_values import PAIRS, arrays, values
from tests.conftest import beside

sizes = st.tuples(st.integers(3, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))


def upstream(name: str) -> dict:
    path = beside("science", "reference_values", "upstream_values.json")
    return json.loads(path.read_text())[f"{name}|float64|normalised"]


@pytest.mark.parametrize("name", PAIRS)
def test_further_numbers_of_reference_sets(name: str) -> None:
    expected, public, z = values(name), upstream(name), arrays(name)
    found = gap.pair_extras(z["image"], z["text"], bootstrap=once(len(z["image"])))
    assert found.l2i.value == pytest.approx(expected["L2I"], abs=1e-12)
    assert found.l2i.value == pytest.approx(public["twoeffects.analysis.compute_l2i"], abs=1e-12)
    assert found.centroid_cosine.value == pytest.approx(expected["centroid_cosine"], abs=1e-12)
    iimm = public["iimm.IIMM(images,text,labels=arange)"]
    assert found.iimm.value == pytest.approx(iimm, abs=1e-6)  # public code works in float32


def slow(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Every pair of studies under weights, with loops' clarity: copies of a study are not a pair."""
    n = len(x)
    both = np.outer(weights, weights) * (1 - np.eye(n))

    def strangers(a: np.ndarray, b: np.ndarray) -> float:
        return float((both * (a @ b.T)).sum() / both.sum())

    def mean(values: np.ndarray) -> np.ndarray:
        return weights @ values / weights.sum()

    g = mean(x) - mean(y)
    cosine = float(mean((x * y).sum(axis=1)))
    alignment = float(mean(np.square(x - y).sum(axis=1)))
    residual = float(mean(np.square(x - mean(x) - y + mean(y)).sum(axis=1)))
    within = ((1 - strangers(x, x)) / 2 + (1 - strangers(y, y)) / 2) / 2
    distance = (1 - cosine) / 2
    return {
        "centroid_gap": float(np.linalg.norm(g)),
        "cos_true_pairs": cosine,
        "margin": cosine - strangers(x, y),
        "paired_residual": residual,
        "offset_share": float(g @ g) / alignment,
        "alignment": alignment,
        "rmg": distance / (distance + within),
    }


def test_every_resample_is_what_the_slow_way_gives() -> None:
    """Uneven groups in mixed order; replicates differ from the slow ones by the shift of centring alone."""
    x, y = pair(60, 9, 1)
    groups = np.random.default_rng(0).integers(20, size=60)
    bootstrap = GroupBootstrap(groups, resamples=40)
    found = gap.pair_gap(x, y, bootstrap=bootstrap)
    expected = [slow(x, y, c[bootstrap.codes].astype(float)) for c in bootstrap.counts]
    for name, value in slow(x, y, np.ones(60)).items():
        estimate, replicates = getattr(found, name), np.array([e[name] for e in expected])
        assert estimate.value == pytest.approx(value, abs=1e-12), name
        centred = replicates - replicates.mean() + value
        assert estimate.replicates == pytest.approx(centred, abs=3e-6), name


def test_angular_value_and_its_resamples_are_what_all_pairs_give() -> None:
    x, _ = pair(50, 7, 2)
    bootstrap = GroupBootstrap(np.arange(50) // 3, resamples=30)
    found = gap.angular_value(x, bootstrap=bootstrap)
    weights = bootstrap.counts[:, bootstrap.codes].astype(float)
    both = weights[:, :, None] * weights[:, None] * (1 - np.eye(50))
    replicates = (both * (x @ x.T)).sum(axis=(1, 2)) / both.sum(axis=(1, 2))
    assert found.value == pytest.approx((x @ x.T)[~np.eye(50, dtype=bool)].mean(), abs=1e-12)
    assert found.replicates == pytest.approx(replicates - replicates.mean() + found.value, abs=3e-6)


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_identities(size: tuple[int, int, int]) -> None:
    x, y = pair(*size)
    found = gap.pair_gap(x, y, bootstrap=once(len(x)))
    squared = found.centroid_gap.value**2
    kernels = (x @ x.T).mean() + (y @ y.T).mean() - 2 * (x @ y.T).mean()
    assert squared == pytest.approx(kernels, abs=1e-12)
    assert found.alignment.value == pytest.approx(np.square(x - y).sum(axis=1).mean(), abs=1e-12)
    assert found.alignment.value == pytest.approx(squared + found.paired_residual.value, abs=1e-12)
    assert 0 <= found.rmg.value <= 1
    same = gap.pair_gap(x, x, bootstrap=once(len(x)))
    assert same.rmg.value == pytest.approx(0, abs=1e-12)
    assert same.centroid_gap.value == 0


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_further_numbers_know_no_rotation(size: tuple[int, int, int]) -> None:
    x, y = pair(*size)
    turn = rotation(size[1], size[2])
    before, after = gap.pair_extras(x, y), gap.pair_extras(x @ turn, y @ turn)
    for name, estimate in vars(before).items():
        assert getattr(after, name).value == pytest.approx(estimate.value, abs=1e-9), name


@pytest.mark.parametrize("name", ["l2i", "centroid_cosine", "iimm"])
def test_intervals_of_further_numbers_are_as_wide_as_those_of_drawing_again(name: str) -> None:
    x, y = pair(200, 10, 3)
    groups = np.repeat(np.arange(100), 2)

    def again(rows: np.ndarray) -> float:
        return getattr(gap.pair_extras(x[rows], y[rows], bootstrap=once(len(rows))), name).value

    found = getattr(gap.pair_extras(x, y, bootstrap=GroupBootstrap(groups)), name)
    assert width(found) == pytest.approx(resampled_width(again, groups), rel=0.2)


def test_a_mean_without_direction_has_no_cosine() -> None:
    x = np.concatenate([np.eye(4), -np.eye(4)])
    found = gap.pair_extras(x, np.roll(x, 1, axis=1)).centroid_cosine
    assert np.isnan(found.value)
    assert "no direction" in found.reason


def test_flips_find_a_planted_gap_and_agree_with_taking_every_flip() -> None:
    x, y = pair(40, 6, 4)
    found = gap.gap_test(x, y, groups=np.arange(40), permutations=500)
    assert found.p == 1 / 501
    assert (found.n, found.n_groups, found.permutations) == (40, 40, 500)
    assert found.null_95 < gap.pair_gap(x, y).centroid_gap.value
    x, y = pair(24, 6, 5, offset=0.2)
    groups = np.arange(24) // 3
    d = np.stack([(x - y)[groups == g].sum(axis=0) for g in range(8)]) / 24
    signs = 1 - 2 * ((np.arange(256)[:, None] >> np.arange(8)) & 1)
    gaps = np.linalg.norm(signs @ d, axis=1)
    exact = (gaps >= gaps[0] - 1e-9).mean()
    assert 0.02 < exact < 0.98, "the case must not be trivial"
    found = gap.gap_test(x, y, groups=groups, permutations=4000)
    assert found.p == pytest.approx(exact, abs=0.03)
    assert found.null_95 == pytest.approx(np.quantile(gaps, 0.95), rel=0.05)


def test_flips_hold_their_level_and_keep_groups_together() -> None:
    """No gap and patients of four alike studies: 5 % of tests find one. Flips of studies find far more."""
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(30), 4)
    grouped, single = [], []
    for _ in range(200):
        x, y = (
            unit_rows(np.repeat(rng.normal(size=(30, 8)), 4, axis=0) + 0.1 * rng.normal(size=(120, 8)))
            for _ in range(2)
        )
        grouped.append(gap.gap_test(x, y, groups=groups, permutations=99).p)
        single.append(gap.gap_test(x, y, groups=np.arange(120), permutations=99).p)
    assert 0.01 < np.mean(np.array(grouped) <= 0.05) < 0.10
    assert np.mean(np.array(single) <= 0.05) > 0.5


def test_equal_sides_have_no_gap_to_find() -> None:
    x, _ = pair(10, 4, 7)
    found = gap.gap_test(x, x, groups=np.arange(10), permutations=50)
    assert (found.p, found.null_95) == (1, 0)


def test_two_pairs_are_measured_without_an_interval() -> None:
    x, y = pair(2, 5, 8)
    found = gap.pair_gap(x, y)
    assert all(np.isfinite(e.value) for e in vars(found).values())
    assert np.isnan(found.centroid_gap.low)
    assert len(found.centroid_gap.replicates) == 0
    assert np.isfinite(gap.pair_extras(x, y).iimm.value)


def test_one_study_or_one_group_says_what_is_missing() -> None:
    x, y = pair(6, 4, 9)
    assert gap.angular_value(x[:1]).reason == "needs two studies"
    floor = gap.pair_gap(x, y, bootstrap=GroupBootstrap(np.zeros(6))).centroid_gap_floor
    assert np.isnan(floor.value)
    assert floor.reason == "the variance between groups needs two groups"


def test_clipped_intervals_keep_their_replicates() -> None:
    x, y = pair(50, 4, 10, offset=0)
    found = gap.pair_gap(x, y).centroid_gap_debiased
    assert found.low == 0
    assert len(found.replicates) == 1000
