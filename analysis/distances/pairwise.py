"""Distances from all pairs of rows, within and across modalities: MMD and energy distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.math.arrays import Matrix, check_pairs, take_unit_rows
from suture.analysis.math.kernel_sums import Function, expand_influence, kernel_sums, sample_error
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap, seeded_sample, with_sample_note

EXACT_STUDIES = 4096
EXACT_PAIRS = 2_000_000  # of pooled rows, for the median distance
SAMPLED_PAIRS = 1_000_000


@dataclass(frozen=True)
class PairwiseDistances:
    """Two distances between distributions; lower = closer, 0 = the same distribution.

    mmd_squared      mean K(x_i, x_j) + mean K(y_i, y_j), i != j, - 2 mean K(x_i, y_j), K = exp(-d^2 / s2),
                     s2 the median squared distance of pooled rows. Unbiased, so it may fall below 0
    energy_distance  2 mean |x_i - y_j| - mean |x_i - x_j| - mean |y_i - y_j|, i = j included; never below 0
    """

    mmd_squared: Estimate
    energy_distance: Estimate


def pairwise_distances(
    x: Matrix, y: Matrix, *, bootstrap: GroupBootstrap | None = None, seed: int = 0
) -> PairwiseDistances:
    """Measure x and y, both (n_studies, dim) of unit rows, above 4,096 studies on a seeded sample.

    Intervals to first order, s2 held: too narrow where the clouds are nearly the same, because there the
    first order vanishes. Sources: Gretton et al. 2012 (MMD), Szekely & Rizzo 2013 (energy).
    """
    check_pairs(x, y)
    n = len(x)
    bootstrap = bootstrap or GroupBootstrap(np.arange(n))
    chosen = seeded_sample(n, EXACT_STUDIES, seed)
    m = len(chosen)
    x, y = (take_unit_rows(z, chosen) for z in (x, y))
    scale = median_squared_distance(np.concatenate([x, y]), seed=seed)
    if not scale:
        reason = "over half of all pairs of rows are identical, so the kernel bandwidth is 0"
        return PairwiseDistances(bootstrap.undefined(reason), bootstrap.undefined(reason))
    functions: list[Function] = [lambda squared: np.exp(squared * (-1 / scale)), np.sqrt]
    within_x, _ = kernel_sums(x, None, functions)
    within_y, _ = kernel_sums(y, None, functions)
    rows, columns = kernel_sums(x, y, functions)
    # (m,) means over all partners of a study: kernel without itself, distance with itself
    mmd_x, mmd_y = (within_x[0] - 1) / (m - 1), (within_y[0] - 1) / (m - 1)
    mmd = mmd_x + mmd_y - (rows[0] + columns[0]) / m
    energy = (rows[1] + columns[1] - within_x[1] - within_y[1]) / m
    values = np.array([mmd.mean(), energy.mean()])
    influence = 2 * (np.stack([mmd, energy], axis=1) - values)  # each study is on both sides of its pairs
    estimates = bootstrap.from_influence(values, expand_influence(influence, chosen, n))
    estimates = [
        replace(estimates[0], note=f"; s2 = {scale:.4g}"),
        replace(estimates[1], low=float(np.maximum(0, estimates[1].low))),
    ]
    errors = [sample_error(column, chosen, n) for column in influence.T]
    return PairwiseDistances(
        *(with_sample_note(e, m, n, error=error) for e, error in zip(estimates, errors, strict=True))
    )


def median_squared_distance(rows: np.ndarray, *, seed: int = 0) -> float:
    """Median of |z_i - z_j|^2, i < j, over unit rows (n_rows, dim).

    Above 2 x 10^6 pairs the median of 10^6 seeded ones.
    """
    n = len(rows)
    if n * (n - 1) // 2 <= EXACT_PAIRS:
        i, j = np.triu_indices(n, 1)
        cosines = (rows @ rows.T)[i, j]
    else:
        rng = np.random.default_rng(seed)
        i = rng.integers(n, size=SAMPLED_PAIRS)
        j = (i + rng.integers(1, n, size=SAMPLED_PAIRS)) % n
        parts = zip(np.array_split(i, 64), np.array_split(j, 64), strict=True)
        narrow = rows.astype(np.float32)
        cosines = np.concatenate([np.einsum("nd,nd->n", narrow[a], narrow[b]) for a, b in parts])
    return max(0.0, float(2 - 2 * np.median(cosines)))
