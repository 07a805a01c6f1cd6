"""Geometry of the gap: its dimensions, its overlap with the principal subspace, its constancy over pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import paired_unit_arrays
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

TOP = (1, 2, 5, 10)
ENERGY = 0.9
NO_GAP = 1e-6  # a centroid gap below this has no direction
GROUP = 100  # pairs per group; the mean gaps of successive groups are compared


@dataclass(frozen=True)
class GapConcentration:
    """Shares of gap^2, g = mean x - mean y; 0..1, NaN without a gap.

    gap_top_1, _2, _5, _10  share in the k dimensions with the largest g_d^2; higher = concentrated. Not
                            invariant under rotation
    gap_in_subspace         share inside the r principal directions of Cov(X) + Cov(Y) that hold 90 % of the
                            variance; low = the gap is orthogonal to the data
    """

    gap_top_1: Estimate
    gap_top_2: Estimate
    gap_top_5: Estimate
    gap_top_10: Estimate
    gap_in_subspace: Estimate


def gap_concentration(
    x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None
) -> GapConcentration:
    """Shares of the gap of x and y, both (n_studies, dim) of unit rows.

    The chosen dimensions are fixed in the intervals; the share in the subspace has no interval, because r
    changes between resamples. Sources: Schrodi et al. 2025 (dimensions), ReAlign, arXiv 2602.07026
    (subspace).
    """
    x, y = paired_unit_arrays(x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    g = x.mean(axis=0) - y.mean(axis=0)
    squared = float(g @ g)
    if squared < NO_GAP**2:
        none = bootstrap.undefined("there is no gap")
        return GapConcentration(**dict.fromkeys(GapConcentration.__dataclass_fields__, none))
    order = np.argsort(-np.square(g), kind="stable")
    kept = np.stack([np.where(np.isin(np.arange(len(g)), order[:k]), g, 0) for k in TOP], axis=1)
    shares = g @ kept / squared
    slopes = 2 * (kept - np.outer(g, shares)) / squared
    one, two, five, ten = bootstrap.from_influence(shares, (x - y - g) @ slopes, bounds=(0, 1))
    subspace = principal_subspace(x, y)
    note = f"; r = {subspace.shape[1]:,} of {len(g):,} directions"
    inside = bootstrap.without_interval(float(np.square(g @ subspace).sum()) / squared, note=note)
    return GapConcentration(one, two, five, ten, inside)


def principal_subspace(x: np.ndarray, y: np.ndarray, *, energy: float = ENERGY) -> np.ndarray:
    """(dim, r) the fewest leading eigenvectors of Cov(X) + Cov(Y) that hold `energy` of its trace."""
    centred = np.concatenate([x - x.mean(axis=0), y - y.mean(axis=0)])
    values, vectors = np.linalg.eigh(centred.T @ centred / len(x))
    values, vectors = np.clip(values[::-1], 0, None), vectors[:, ::-1]
    if not values.sum():
        return vectors[:, :0]
    return vectors[:, : int(np.searchsorted(np.cumsum(values), energy * values.sum())) + 1]


@dataclass(frozen=True)
class GapConstancy:
    """Is the gap one constant vector that is orthogonal to the data? No intervals.

    gap_length_variation     sd / mean of the length of group-mean gaps, groups of 100 pairs; 0 = constant
                             length
    gap_direction_constancy  mean cosine of the gaps of successive groups; 1 = constant direction
    gap_orthogonality        mean |cos(z_{i+1} - z_i, g)| over both modalities; 0 = differences are
                             orthogonal to it
    gap_residual_cosine      mean cosine of d_i - g and d_j - g, i != j; 0 = residuals unrelated
    """

    gap_length_variation: Estimate
    gap_direction_constancy: Estimate
    gap_orthogonality: Estimate
    gap_residual_cosine: Estimate


def gap_constancy(
    x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None, seed: int = 0
) -> GapConstancy:
    """Four checks of x and y, both (n_studies, dim) of unit rows, taken in a seeded order.

    NaN with fewer than 200 pairs or no gap. Source: Zhang et al. 2024 (C3), after Zhang et al. 2023.
    """
    x, y = paired_unit_arrays(x, y)
    n = len(x)
    bootstrap = bootstrap or GroupBootstrap(np.arange(n))
    order = np.random.default_rng(seed).permutation(n)
    x, y = x[order], y[order]
    d = x - y
    g = d.mean(axis=0)
    if n < 2 * GROUP or np.linalg.norm(g) < NO_GAP:
        none = bootstrap.undefined(f"needs a gap and two groups of {GROUP} pairs, got {n:,} pairs")
        return GapConstancy(**dict.fromkeys(GapConstancy.__dataclass_fields__, none))
    whole = n // GROUP * GROUP
    means = d[:whole].reshape(-1, GROUP, d.shape[1]).mean(axis=1)
    lengths = np.linalg.norm(means, axis=1)
    group_directions = _directions(means)
    constancy = np.einsum("gd,gd->g", group_directions[1:], group_directions[:-1]).mean()
    steps = np.concatenate([_directions(np.diff(x, axis=0)), _directions(np.diff(y, axis=0))])
    orthogonality = np.abs(steps @ (g / np.linalg.norm(g))).mean()
    residuals = _directions(d - g)
    pairs = (np.square(residuals.sum(axis=0)).sum() - np.square(residuals).sum()) / (n * (n - 1))
    values = (lengths.std() / lengths.mean(), constancy, orthogonality, pairs)
    return GapConstancy(*(bootstrap.without_interval(float(v)) for v in values))


def _directions(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; zero rows stay zero."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
