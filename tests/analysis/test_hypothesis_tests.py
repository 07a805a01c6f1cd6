"""Intervals of proportions, exact tests and corrections against slow implementations."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control

from suture.analysis.statistics.hypothesis_tests import benjamini_hochberg, bootstrap_p, holm, mcnemar, wilson

shares = st.lists(st.floats(0, 1), min_size=1, max_size=40).map(np.array)


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.9, 0.95, 0.999]))
@settings(deadline=None)
def test_wilson_is_the_interval_of_scipy(successes: int, n: int, level: float) -> None:
    successes = min(successes, n)
    wanted = binomtest(successes, n).proportion_ci(level, method="wilson")
    assert wilson(successes, n, level=level) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_wilson_at_the_edges() -> None:
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1
    assert np.isnan(wilson(0, 0)).all()
    assert wilson(2, 10) < wilson(2.5, 10) < wilson(3, 10)
    with pytest.raises(ValueError, match="Expected 0 to 3 successes in 3 trials, got 4"):
        wilson(4, 3)


@pytest.mark.parametrize(("a", "b"), [(0, 1), (3, 12), (12, 3), (5, 5), (0, 20)])
def test_mcnemar_sums_the_tails(a: int, b: int) -> None:
    tail = sum(comb(a + b, i) for i in range(min(a, b) + 1)) / 2 ** (a + b)
    assert mcnemar(a, b) == pytest.approx(min(1.0, 2 * tail))


def test_mcnemar_of_no_difference_is_one() -> None:
    assert mcnemar(0, 0) == 1.0


@given(shares)
@settings(deadline=None)
def test_holm_is_the_obvious_loop(p: np.ndarray) -> None:
    wanted, largest = np.empty(len(p)), 0.0
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, (len(p) - place) * p[i])
        wanted[i] = min(1.0, largest)
    assert holm(p) == pytest.approx(wanted)
    assert (holm(p) >= p).all()


@given(shares, st.sampled_from([0.01, 0.05, 0.2]))
@settings(deadline=None)
def test_benjamini_hochberg_is_the_one_of_scipy(p: np.ndarray, rate: float) -> None:
    adjusted = false_discovery_control(p)
    clear = np.abs(adjusted - rate) > 1e-12  # at the rate itself rounding decides
    assert (benjamini_hochberg(p, rate=rate) == (adjusted <= rate))[clear].all()


def test_what_was_not_asked_is_not_corrected() -> None:
    assert holm(np.array([0.01, np.nan, 0.04])) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    assert benjamini_hochberg(np.array([0.01, np.nan])).tolist() == [True, False]
    assert len(holm(np.array([]))) == 0
    assert not benjamini_hochberg(np.array([np.nan])).any()


def test_bootstrap_p_counts_what_lies_beyond_zero() -> None:
    assert bootstrap_p(np.arange(1, 100)) == pytest.approx(2 / 100)
    assert bootstrap_p(np.array([-1.0] * 4 + [1.0] * 95)) == pytest.approx(2 * 5 / 100)
    assert bootstrap_p(np.zeros(50)) == 1.0
    assert bootstrap_p(-np.arange(1, 100)) == bootstrap_p(np.arange(1, 100))
    assert np.isnan(bootstrap_p(np.empty(0)))


def test_p_of_no_difference_is_even() -> None:
    """Means of pure noise: p below 0.05 in about one of twenty."""
    rng = np.random.default_rng(0)
    small = 0
    for _ in range(400):
        noise = rng.normal(size=60)
        draws = rng.choice(noise, (400, 60)).mean(axis=1)
        small += bootstrap_p(draws) <= 0.05
    assert 8 <= small <= 36, f"{small} of 400"
