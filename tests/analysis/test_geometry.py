"""Spectra and uniformity: values, intervals against slow implementations, edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.analysis.geometry import spread as geometry
from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap
from tests.analysis.planted import once, pair, resampled_width, rotation, width
from tests.analysis.test_reference_values import PAIRS, arrays, values

sizes = st.tuples(st.integers(3, 40), st.integers(2, 12), st.integers(0, 2**32 - 1))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("side", ["image", "text", "pooled"])
def test_shape_of_reference_sets(name: str, side: str) -> None:
    expected, z = values(name), arrays(name)
    rows = np.concatenate([z["image"], z["text"]]) if side == "pooled" else z[side]
    found, spread = geometry.isotropy(rows, bootstrap=once(len(rows))), geometry.spread(rows)
    ratio, rank = (
        expected[f"participation ratio centred ({side})"],
        expected[f"effective rank centred / uncentred ({side})"],
    )
    assert found.participation_ratio.value == pytest.approx(ratio, rel=1e-12)
    assert spread.effective_rank.value == pytest.approx(rank[0], rel=1e-7)
    if expected[f"IsoScore ({side})"] is not None:
        assert found.isoscore.value == pytest.approx(expected[f"IsoScore ({side})"], abs=1e-12)


def published_isoscore(z: np.ndarray) -> float:
    dim = z.shape[1]
    values = np.linalg.eigvalsh(np.cov(z.T))
    values = values * np.sqrt(dim) / np.linalg.norm(values)
    defect = np.linalg.norm(values - 1) / np.sqrt(2 * (dim - np.sqrt(dim)))
    return ((dim - defect**2 * (dim - np.sqrt(dim))) ** 2 - dim) / (dim * (dim - 1))


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_isoscore_is_the_published_one_and_shape_is_blind_to_rotation(size: tuple[int, int, int]) -> None:
    x, _ = pair(*size)
    turned = x @ rotation(size[1], size[2])
    before, after = (geometry.isotropy(z, bootstrap=once(len(z))) for z in (x, turned))
    assert after.participation_ratio.value == pytest.approx(before.participation_ratio.value, abs=1e-9)
    if len(x) >= x.shape[1]:
        assert before.isoscore.value == pytest.approx(published_isoscore(x), abs=1e-9)
    else:
        assert "as many rows" in before.isoscore.reason
    plain, spun = geometry.spread(x), geometry.spread(turned)
    for name, estimate in vars(plain).items():
        # few rows leave eigenvalues near zero, whose roots are rounding
        assert getattr(spun, name).value == pytest.approx(estimate.value, abs=1e-5), name


@given(sizes)
@settings(max_examples=40, deadline=None)
def test_w2_uniformity_is_minus_the_distance_to_an_even_gaussian(size: tuple[int, int, int]) -> None:
    """The long formula, without the shortcut that unit rows allow."""
    x, _ = pair(*size)
    mean, covariance = x.mean(axis=0), np.cov(x.T, bias=True)
    root = np.sqrt(np.clip(np.linalg.eigvalsh(covariance), 0, None)).sum()
    squared = mean @ mean + 1 + np.trace(covariance) - 2 / np.sqrt(size[1]) * root
    assert geometry.uniformity_w2(x).value == pytest.approx(-np.sqrt(squared), abs=1e-6)


def measured(name: str, z: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    if name == "participation_ratio":
        return geometry.isotropy(z, bootstrap=bootstrap).participation_ratio
    return getattr(geometry, name)(z, bootstrap=bootstrap)


def patients(count: int, dim: int, seed: int) -> np.ndarray:
    """Three studies a patient, which look alike."""
    rng = np.random.default_rng(seed)
    scale = np.exp(-np.arange(dim) / dim)
    own = np.repeat(rng.normal(size=(count, dim)), 3, axis=0)
    return unit_rows((own + rng.normal(size=own.shape)) * scale + 0.3)


SPECTRAL = ("effective_rank", "uniformity_w2", "participation_ratio")


@pytest.mark.parametrize("name", [*SPECTRAL, "uniformity_wi"])
def test_intervals_are_as_wide_as_those_of_drawing_again(name: str) -> None:
    x, groups = patients(150, 8, 0), np.repeat(np.arange(150), 3)

    def slow(rows: np.ndarray) -> float:
        if name != "uniformity_wi":
            return measured(name, x[rows], once(len(rows))).value
        different = rows[:, None] != rows  # copies of one study are no pair
        return float(np.log(np.exp(4 * x[rows] @ x[rows].T - 4)[different].mean()))

    found = measured(name, x, GroupBootstrap(groups))
    assert width(found) == pytest.approx(resampled_width(slow, groups), rel=0.2)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("name", SPECTRAL)
@pytest.mark.parametrize(("count", "dim"), [(60, 30), (40, 160)])
def test_with_few_patients_intervals_are_as_wide_as_new_samples_differ(
    name: str, count: int, dim: int
) -> None:
    """More and fewer rows than dimensions; never much too narrow, which first order alone is by half."""
    groups = np.repeat(np.arange(count), 3)
    values = [measured(name, patients(count, dim, s), once(3 * count)).value for s in range(150)]
    low, high = np.quantile(values, [0.025, 0.975])
    samples = [measured(name, patients(count, dim, s), GroupBootstrap(groups)) for s in range(200, 206)]
    assert 0.85 < np.mean([width(e) for e in samples]) / (high - low) < 1.5


@pytest.mark.parametrize("name", ["effective_rank", "uniformity_w2", "uniformity_wi"])
def test_a_stack_is_resampled_by_study(name: str) -> None:
    x, y = pair(200, 12, 2)
    measure = getattr(geometry, name)

    def slow(rows: np.ndarray) -> float:
        z, different = np.concatenate([x[rows], y[rows]]), np.concatenate([rows, rows + 200])
        if name != "uniformity_wi":
            return measure(z, bootstrap=once(len(rows))).value
        kernel = np.exp(4 * z @ z.T - 4)
        return float(np.log(kernel[different[:, None] != different].mean()))

    groups = np.arange(200)
    found = measure(np.concatenate([x, y]), bootstrap=GroupBootstrap(groups))
    assert width(found) == pytest.approx(resampled_width(slow, groups), rel=0.2)


def test_a_sample_of_studies_is_near_the_whole_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pair(900, 10, 3)
    stack, bootstrap = np.concatenate([x, y]), GroupBootstrap(np.arange(900))
    whole = geometry.uniformity_wi(stack, bootstrap=bootstrap)
    assert whole.note == ""
    monkeypatch.setattr(geometry, "EXACT_STUDIES", 300)
    part = geometry.uniformity_wi(stack, bootstrap=bootstrap)
    error = float(part.note.rsplit(" ", 1)[1])
    assert part.note.startswith("; 300 of 900 studies, seeded, standard error ")
    assert 0 < abs(part.value - whole.value) < 4 * error
    assert width(part) == pytest.approx(np.sqrt(3) * width(whole), rel=0.2)
    assert part.value == geometry.uniformity_wi(stack, bootstrap=bootstrap).value
    chosen = np.sort(np.random.default_rng(0).permutation(900)[:300])
    same = geometry.uniformity_wi(stack[np.concatenate([chosen, chosen + 900])], bootstrap=once(300))
    assert part.value == pytest.approx(same.value, abs=1e-12)  # both rows of a study came along


def test_float32_blocks_agree_with_all_pairs_at_once() -> None:
    x, _ = pair(2500, 16, 4)
    kernel = np.exp(4 * x @ x.T - 4)
    slow = np.log((kernel.sum() - np.trace(kernel)) / (2500 * 2499))
    assert geometry.uniformity_wi(x, bootstrap=once(2500)).value == pytest.approx(slow, abs=1e-6)


def test_constant_rows_have_one_direction_and_no_spread() -> None:
    z = np.tile(unit_rows(np.ones((1, 5))), (20, 1))
    assert geometry.uniformity_wi(z).value == pytest.approx(0, abs=1e-12)
    found = geometry.spread(z)
    assert found.effective_rank.value == 1
    assert (found.effective_rank.low, found.effective_rank.high) == (1, 1)
    assert found.uniformity_w2.value == pytest.approx(-np.sqrt(2))
    assert "no variance" in geometry.isotropy(z).participation_ratio.reason


def test_even_variance_is_fully_isotropic() -> None:
    z = np.concatenate([np.eye(6), -np.eye(6)])
    found, spread = geometry.isotropy(z), geometry.spread(z)
    assert found.isoscore.value == pytest.approx(1)
    assert found.participation_ratio.value == pytest.approx(6)
    assert spread.effective_rank.value == pytest.approx(6)
    assert spread.uniformity_w2.value == pytest.approx(0, abs=1e-7)


def test_one_row_has_no_uniformity() -> None:
    one = unit_rows(np.ones((1, 4)))
    found = geometry.uniformity_wi(one)
    assert np.isnan(found.value)
    assert found.reason == "needs two rows"
    assert geometry.effective_rank(one).value == 1
