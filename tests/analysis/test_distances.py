"""Distances between modalities: values, identities, intervals, samples, edge cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis import distances, gap
from suture.analysis.distances import pairwise
from suture.analysis.math.arrays import unit_rows
from suture.analysis.math.kernel_sums import kernel_sums
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.analysis.planted import once, pair, resampled_width, rotation, width
from tests.analysis.test_reference_values import PAIRS, arrays, values

sizes = st.tuples(st.integers(3, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))


def everything(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    bootstrap = once(len(x))
    found = [f(x, y, bootstrap=bootstrap) for f in (distances.frechet, distances.pairwise_distances)]
    found.append(distances.transport(x, y, bootstrap=bootstrap))
    return {name: e.value for result in found for name, e in vars(result).items()}


@pytest.mark.parametrize("name", PAIRS)
def test_reference_sets(name: str) -> None:
    expected, z = values(name), arrays(name)
    found = everything(z["image"], z["text"])
    mean, covariance, total = expected["Frechet squared: mean part, covariance part, total (unbiased cov)"]
    assert found["frechet_mean_part"] == pytest.approx(mean, abs=1e-12)
    # roots of eigenvalues that are zero up to rounding
    assert found["frechet_covariance_part"] == pytest.approx(covariance, abs=1e-7)
    assert found["frechet_squared"] == pytest.approx(total, abs=1e-7)
    mmd = expected["MMD^2 unbiased, k=exp(-d2/s2), s2=median pooled squared distance"]
    assert found["mmd_squared"] == pytest.approx(mmd, abs=1e-12)
    energy = expected["energy distance (V-statistic)"]
    assert found["energy_distance"] == pytest.approx(energy, abs=1e-8)  # sqrt of rounding on the diagonal
    assert found["w2_squared"] == pytest.approx(expected["W2 empirical squared (assignment)"], abs=1e-10)
    centred = expected["W2 empirical squared after centring"]
    assert found["centred_w2_squared"] == pytest.approx(centred, abs=1e-10)
    note = distances.pairwise_distances(z["image"], z["text"]).mmd_squared.note
    assert note == f"; s2 = {expected['MMD s2']:.4g}"


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_distances_know_neither_pairs_nor_rotations(size: tuple[int, int, int]) -> None:
    x, y = pair(*size)
    before = everything(x, y)
    turn = rotation(size[1], size[2])
    shuffled, turned = everything(x, y[::-1]), everything(x @ turn, y @ turn)
    for name, value in before.items():
        assert shuffled[name] == pytest.approx(value, abs=1e-6), name
        if name != "sliced_w2":  # its directions stay where they are
            assert turned[name] == pytest.approx(value, abs=1e-6), name


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_distances_are_offset_plus_what_no_shift_removes(size: tuple[int, int, int]) -> None:
    from scipy.optimize import linear_sum_assignment

    x, y = pair(*size)
    found, squared = everything(x, y), gap.pair_gap(x, y, bootstrap=once(len(x))).centroid_gap.value ** 2
    assert found["frechet_mean_part"] == pytest.approx(squared, abs=1e-12)
    total = found["frechet_mean_part"] + found["frechet_covariance_part"]
    assert found["frechet_squared"] == pytest.approx(total, abs=1e-12)
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    cost = np.square(a[:, None] - b[None]).sum(axis=2)
    centred = cost[linear_sum_assignment(cost)].mean()
    assert found["centred_w2_squared"] == pytest.approx(centred, abs=1e-10)
    assert found["w2_squared"] == pytest.approx(squared + centred, abs=1e-10)
    assert found["w2_squared"] <= np.square(x - y).sum(axis=1).mean() + 1e-12
    assert found["sliced_w2"] ** 2 <= found["w2_squared"] + 1e-6


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_a_cloud_is_at_no_distance_from_itself(size: tuple[int, int, int]) -> None:
    x, _ = pair(*size)
    found = everything(x, x[::-1])
    mmd = found.pop("mmd_squared")
    assert mmd <= 1e-9  # unbiased: below 0 for finite samples
    for name, value in found.items():
        assert value == pytest.approx(0, abs=1e-6), name


def test_frechet_of_planted_gaussians() -> None:
    """Not on the sphere exactly, but as good as: two clouds of known means and spreads near one pole."""
    rng = np.random.default_rng(0)
    spread = (0.01, 0.03)
    clouds = [
        np.concatenate([np.ones((40_000, 1)), s * rng.normal(size=(40_000, 6))], axis=1) for s in spread
    ]
    clouds[1][:, 1] += 0.1
    found = distances.frechet(*(unit_rows(c) for c in clouds), bootstrap=once(40_000))
    assert found.frechet_mean_part.value == pytest.approx(0.01, rel=0.03)
    assert found.frechet_covariance_part.value == pytest.approx(6 * 0.02**2, rel=0.03)


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("frechet_squared", distances.frechet),
        ("frechet_covariance_part", distances.frechet),
        ("mmd_squared", distances.pairwise_distances),
        ("energy_distance", distances.pairwise_distances),
    ],
)
def test_intervals_are_as_wide_as_new_samples_differ(name: str, measure: Callable) -> None:
    """Two studies a patient; the population is planted, so new samples can be had."""

    def sample(seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        own = np.repeat(rng.normal(size=(200, 6)), 2, axis=0)
        x, y = own + 0.5 * rng.normal(size=own.shape), own + 0.5 * rng.normal(size=own.shape)
        return unit_rows(x * [1, 1, 1, 0.3, 0.3, 0.3] + [1, 0, 0, 0, 0, 0]), unit_rows(y)

    groups = np.repeat(np.arange(200), 2)
    values = [getattr(measure(*sample(s), bootstrap=once(400)), name).value for s in range(100)]
    low, high = np.quantile(values, [0.025, 0.975])
    found = [getattr(measure(*sample(s), bootstrap=GroupBootstrap(groups)), name) for s in range(300, 306)]
    assert np.mean([width(e) for e in found]) == pytest.approx(high - low, rel=0.25)
    assert len(found[0].replicates) == 1000


def test_mean_part_keeps_an_honest_interval_where_there_is_no_gap() -> None:
    """There the first order vanishes; the resamples are exact."""
    x, y = pair(300, 5, 1, offset=0)
    rows = np.arange(300)

    def again(chosen: np.ndarray) -> float:
        return distances.frechet(x[chosen], y[chosen], bootstrap=once(300)).frechet_mean_part.value

    found = distances.frechet(x, y, bootstrap=GroupBootstrap(rows)).frechet_mean_part
    spread = float(np.subtract(*np.quantile(found.replicates, [0.975, 0.025])))
    assert spread == pytest.approx(resampled_width(again, rows), rel=0.2)
    assert found.low >= 0


def test_few_rows_warn_and_agree_with_the_full_space() -> None:
    """12 rows in 100 dimensions: measured in the space they span, which a rotation into 24 shows."""
    rng = np.random.default_rng(2)
    x, y = (unit_rows(rng.normal(size=(12, 24))) for _ in range(2))
    wide = [np.pad(z, ((0, 0), (0, 76))) @ rotation(100, 3) for z in (x, y)]
    narrow, found = distances.frechet(x, y), distances.frechet(*wide)
    assert found.frechet_squared.value == pytest.approx(narrow.frechet_squared.value, abs=1e-7)
    assert found.frechet_squared.note == "; n = 12 is under 2 x 100 dimensions: too large by chance"
    assert distances.frechet(*pair(24, 12, 0)).frechet_squared.note == ""


def test_a_sample_is_near_the_whole_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pair(1200, 8, 4)
    whole = distances.pairwise_distances(x, y)
    monkeypatch.setattr(pairwise, "EXACT_STUDIES", 400)
    monkeypatch.setattr(pairwise, "EXACT_PAIRS", 1000)
    monkeypatch.setattr(pairwise, "SAMPLED_PAIRS", 200_000)
    part = distances.pairwise_distances(x, y)
    for name, estimate in vars(part).items():
        exact = getattr(whole, name)
        error = float(estimate.note.rsplit(" ", 1)[1])
        assert "; 400 of 1,200 studies, seeded, standard error " in estimate.note
        assert 0 < abs(estimate.value - exact.value) < 4 * error, name
        assert width(estimate) == pytest.approx(np.sqrt(3) * width(exact), rel=0.25), name


def test_blocks_sum_what_the_whole_matrix_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.analysis.math.kernel_sums.BLOCK", 7)
    x, y = pair(30, 4, 5)
    squared = np.maximum(0, 2 - 2 * x @ y[:17].T)
    rows, columns = kernel_sums(x, y[:17], [np.sqrt, np.exp])
    for k, function in enumerate((np.sqrt, np.exp)):
        assert rows[k] == pytest.approx(function(squared).sum(axis=1))
        assert columns[k] == pytest.approx(function(squared).sum(axis=0))
    alone, _ = kernel_sums(x, None, [np.exp])
    within = np.exp(np.maximum(0, 2 - 2 * x @ x.T))
    assert alone[0] == pytest.approx(within.sum(axis=1))


def test_sliced_distance_of_a_planted_shift() -> None:
    """A shift by a vector s reads |s| / sqrt(D), up to the drawn directions."""
    rng = np.random.default_rng(6)
    base = np.concatenate([np.ones((3000, 1)), 0.01 * rng.normal(size=(3000, 15))], axis=1)
    moved = base.copy()
    moved[:, 1] += 0.2
    x, y = unit_rows(base), unit_rows(moved)
    found = distances.transport(x, y)
    shift = gap.pair_gap(x, y, bootstrap=once(3000)).centroid_gap.value
    error = float(found.sliced_w2.note.rsplit(" ", 1)[1])
    assert found.sliced_w2.value == pytest.approx(shift / 4, abs=4 * error)
    assert found.w2_squared.reason == "3,000 studies: computed up to 2,000, above see sliced_w2"
    assert np.isnan(found.centred_w2_squared.value)


def test_constant_rows() -> None:
    x, y = np.tile([[1.0, 0, 0]], (8, 1)), np.tile([[0, 1.0, 0]], (8, 1))
    found = everything(x, y)
    assert found["frechet_squared"] == pytest.approx(2)
    assert found["frechet_covariance_part"] == pytest.approx(0, abs=1e-12)
    assert found["w2_squared"] == pytest.approx(2)
    assert found["energy_distance"] == pytest.approx(2 * np.sqrt(2))
    same = distances.pairwise_distances(x, x)
    assert (
        same.mmd_squared.reason
        == "over half of all pairs of rows are identical, so the kernel bandwidth is 0"
    )


def test_two_pairs_have_values_without_intervals() -> None:
    x, y = pair(2, 5, 7)
    assert all(np.isfinite(v) for v in everything(x, y).values())
    assert np.isnan(distances.frechet(x, y).frechet_squared.low)
