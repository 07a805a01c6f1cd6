"""Geometry of the gap: planted gaps, intervals against a slow implementation, edge cases."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from suture.analysis.gap.concentration import gap_concentration, gap_constancy, principal_subspace
from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import GroupBootstrap
from tests.analysis.planted import once, pair, resampled_width, rotation, width


def planted(along: dict[int, float], n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Near one pole (dimension 0), data in dimensions 1 to 4 of 12, y moved along some dimensions."""
    rng = np.random.default_rng(0)
    sides = []
    for sign in (0, 1):
        z = np.zeros((n, 12))
        z[:, 0] = 1
        z[:, 1:5] = 0.05 * rng.normal(size=(n, 4))
        for axis, shift in along.items():
            z[:, axis] += sign * shift
        sides.append(unit_rows(z))
    return sides[0], sides[1]


def test_a_gap_across_the_data_is_found_there() -> None:
    found = gap_concentration(*planted({7: 0.1}))
    assert found.gap_top_1.value == pytest.approx(1, abs=0.01)
    assert found.gap_in_subspace.value == pytest.approx(0, abs=0.01)
    assert found.gap_in_subspace.note == "; r = 4 of 12 directions"


def test_a_gap_along_the_data_is_found_there() -> None:
    found = gap_concentration(*planted({2: 0.06, 3: 0.08}))
    assert found.gap_top_1.value == pytest.approx(0.64, abs=0.03)
    assert found.gap_top_2.value == pytest.approx(1, abs=0.01)
    assert found.gap_in_subspace.value == pytest.approx(1, abs=0.01)


def test_dimensions_turn_with_the_axes_and_the_subspace_does_not() -> None:
    x, y = pair(300, 20, 1)
    turn = rotation(20, 2)
    before, after = gap_concentration(x, y), gap_concentration(x @ turn, y @ turn)
    assert after.gap_in_subspace.value == pytest.approx(before.gap_in_subspace.value, abs=1e-9)
    assert abs(after.gap_top_1.value - before.gap_top_1.value) > 0.01
    tops = [before.gap_top_1, before.gap_top_2, before.gap_top_5, before.gap_top_10]
    assert all(a.value < b.value for a, b in pairwise(tops))


def test_subspace_is_the_smallest_that_holds_the_variance() -> None:
    x, y = pair(200, 10, 3)
    u = principal_subspace(x, y)
    total = np.cov(x.T, bias=True) + np.cov(y.T, bias=True)
    held = [np.trace(u[:, :r].T @ total @ u[:, :r]) / np.trace(total) for r in (u.shape[1] - 1, u.shape[1])]
    assert held[0] < 0.9 <= held[1]
    assert u.T @ u == pytest.approx(np.eye(u.shape[1]), abs=1e-12)


@pytest.mark.parametrize("name", ["gap_top_2", "gap_top_5"])
def test_intervals_are_as_wide_as_those_of_drawing_again(name: str) -> None:
    x, y = pair(400, 12, 4)
    rows = np.arange(400)

    def again(chosen: np.ndarray) -> float:
        return getattr(gap_concentration(x[chosen], y[chosen], bootstrap=once(400)), name).value

    found = getattr(gap_concentration(x, y), name)
    assert width(found) == pytest.approx(resampled_width(again, rows), rel=0.25)


def test_without_a_gap_there_is_nothing_to_share_out() -> None:
    x, _ = pair(300, 6, 5)
    for result in (gap_concentration(x, x), gap_constancy(x, x)):
        for name, estimate in vars(result).items():
            assert np.isnan(estimate.value), name
            assert "gap" in estimate.reason, name


def test_a_constant_gap_is_constant_and_a_mixed_one_is_not() -> None:
    x, y = planted({7: 0.1})
    constant = gap_constancy(x, y)
    assert constant.gap_length_variation.value < 0.05
    assert constant.gap_direction_constancy.value > 0.98
    assert constant.gap_orthogonality.value < 0.05
    assert abs(constant.gap_residual_cosine.value) < 0.01
    half = np.arange(len(x)) < len(x) // 2
    mixed = np.where(half[:, None], y, np.roll(y, 3, axis=1))  # two gaps in one collection
    left = gap_constancy(x, mixed).gap_residual_cosine.value
    assert left == pytest.approx(0, abs=0.05)
    assert gap_constancy(*planted({2: 0.1})).gap_orthogonality.value > 0.3


def test_checks_of_random_gaps_read_chance() -> None:
    rng = np.random.default_rng(6)
    x, y = (unit_rows(rng.normal(size=(4000, 64))) for _ in range(2))
    found = gap_constancy(x, y, bootstrap=GroupBootstrap(np.arange(4000)))
    assert abs(found.gap_direction_constancy.value) < 0.15
    assert found.gap_orthogonality.value == pytest.approx(np.sqrt(2 / (np.pi * 64)), rel=0.05)


def test_too_few_pairs_for_groups_are_said() -> None:
    found = gap_constancy(*pair(150, 4, 7)).gap_direction_constancy
    assert found.reason == "needs a gap and two groups of 100 pairs, got 150 pairs"
