"""Intervals of proportions, exact paired tests, bootstrap p values, and corrections for multiple tests."""

from __future__ import annotations

import numpy as np


def wilson(successes: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a proportion of n independent trials, within 0..1.

    (c + z^2/2 -+ z sqrt(c (n - c) / n + z^2/4)) / (n + z^2), c successes. Fractions of a success (ties)
    are allowed. (nan, nan) for n = 0. ValueError unless 0 <= successes <= n. Source: Wilson 1927.
    """
    from scipy.special import ndtri

    if not 0 <= successes <= n:
        raise ValueError(f"Expected 0 to {n} successes in {n} trials, got {successes}.")
    if n == 0:
        return np.nan, np.nan
    z = float(ndtri((1 + level) / 2))
    half = z * np.sqrt(successes * (n - successes) / n + z * z / 4)
    low, high = ((successes + z * z / 2 + side) / (n + z * z) for side in (-half, half))
    return 0.0 if successes == 0 else float(low), 1.0 if successes == n else float(high)


def rule_of_three(n: int, *, level: float = 0.95) -> float:
    """Upper limit of the rate of an event not seen in n trials: 1 - (1 - level)^(1/n), about 3 / n."""
    return float(1 - (1 - level) ** (1 / n))


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p of "A and B are right equally often", from the queries where only one of them is right.

    Exact binomial test. 1 if they never differ. Assumes independent counts: count groups, not the studies of
    one patient. Source: McNemar 1947, exact form.
    """
    from scipy.stats import binomtest

    differ = only_a + only_b
    return float(binomtest(only_b, differ).pvalue) if differ else 1.0


def bootstrap_p(differences: np.ndarray) -> float:
    """Two-sided p of "the difference is 0", from its replicates (resamples,).

    min(1, 2 (1 + smaller of #(d <= 0) and #(d >= 0)) / (1 + resamples)): the level at which the percentile
    interval just reaches 0; never 0. NaN without replicates.
    """
    if not len(differences):
        return np.nan
    beyond = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (1 + beyond) / (1 + len(differences)))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm-adjusted p values, which control the family-wise error rate.

    p (m,) -> adjusted (m,): the i-th smallest times m - i + 1, made monotone, at most 1. NaN is no test and
    stays NaN. Source: Holm 1979.
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(order) else steps
    return adjusted


def benjamini_hochberg(p: np.ndarray, *, rate: float = 0.05) -> np.ndarray:
    """Rejected hypotheses at a false discovery rate of `rate`, (m,) of bool.

    The i smallest p (m,), for the largest i with p_i <= rate i / m. NaN is never rejected. Unlike
    `scipy.stats.false_discovery_control`, p is not rescaled, so equality with the threshold is not lost to
    rounding. Source: Benjamini and Hochberg 1995.
    """
    p = np.asarray(p, dtype=float)
    tested = np.sort(p[np.isfinite(p)])
    passing = np.flatnonzero(tested <= rate * np.arange(1, len(tested) + 1) / max(1, len(tested)))
    return p <= tested[passing[-1]] if len(passing) else np.zeros(p.shape, dtype=bool)
