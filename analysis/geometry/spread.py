"""The shape of an embedding cloud: effective rank, isotropy, and the two metrics called "uniformity".

Intervals use the influence of each row on the eigenvalues or on a mean over pairs: one matrix product. With
few groups per dimension that first-order spread is too small by half, and a bootstrap spread far too large (a
resample lacks a third of the groups and their directions); then a block jackknife gives the spread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from suture.analysis.math.arrays import Matrix, UnitRows, as_unit_rows, scatter, take_unit_rows, unit_rows
from suture.analysis.math.group_sums import group_sums
from suture.analysis.math.kernel_sums import expand_influence, kernel_sums, sample_error
from suture.analysis.statistics.bootstrap import (
    MIN_GROUPS,
    Estimate,
    GroupBootstrap,
    seeded_sample,
    with_sample_note,
)

EXACT_STUDIES = 4096  # up to here every pair of rows is used, above a seeded sample of studies
ROUNDING = 1e-14  # variances of unit rows below this are float32 rounding
FEW_GROUPS = 3  # groups per dimension below which first-order intervals of spectra are too narrow
JACKKNIFE_BLOCKS = 20  # blocks of groups left out in turn


def uniformity_wi(
    z: Matrix, *, t: float = 2, bootstrap: GroupBootstrap | None = None, seed: int = 0
) -> Estimate:
    """log mean_{i<j} exp(-t |z_i - z_j|^2), z (n_rows, dim) of unit rows.

    Lower = more uniform; 0 = collapsed to a point; about -2t for uniform rows in many dimensions. With
    fewer studies than rows, z is a stack of modalities of the same studies. Above 4,096 studies, all rows
    of 4,096 seeded ones are used. NaN for a single row. Source: Wang & Isola 2020.
    """
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(z)))
    if len(z) < 2:
        return bootstrap.undefined("needs two rows")
    n = bootstrap.n
    chosen = seeded_sample(n, EXACT_STUDIES, seed)
    rows = take_unit_rows(z, np.concatenate([chosen + start for start in range(0, len(z), n)]))
    sums, _ = kernel_sums(rows, None, [lambda squared: np.exp(squared * -t)])
    per_row = (sums[0] - 1) / (len(rows) - 1)  # without the kernel of the row with itself, which is 1
    mean = per_row.mean()
    # each row is on both sides of its pairs, hence the factor 2; d log m = dm / m
    influence = _by_study(2 * (per_row / mean - 1)[:, None], len(chosen))
    spread = expand_influence(influence, chosen, n)
    [estimate] = bootstrap.from_influence(np.array([np.log(mean)]), spread, bounds=(-np.inf, 0))
    return with_sample_note(estimate, len(chosen), n, error=sample_error(influence, chosen, n))


def uniformity_w2(z: Matrix, *, bootstrap: GroupBootstrap | None = None) -> Estimate:
    """-sqrt(|m|^2 + 1 + Tr C - (2 / sqrt D) Tr C^(1/2)), m mean and C biased covariance of z.

    Minus the 2-Wasserstein distance between the rows' Gaussian N(m, C) and N(0, I/D). Higher
    (closer to 0) = more uniform: the opposite direction of `uniformity_wi`. On the stack of both
    modalities a gap makes it lower. Source: Fang et al. 2024, as used by the target paper.
    """
    return spread(z, bootstrap=bootstrap).uniformity_w2


def effective_rank(z: Matrix, *, bootstrap: GroupBootstrap | None = None) -> Estimate:
    """exp(-sum p log p), p = s / sum s, s the singular values of the centred unit rows z (n_rows, dim).

    How many directions the rows use: 1 = a line or a single point, at most min(n_rows - 1, dim) if all
    directions are used equally; higher = more. Centred, so that the offset of a narrow cone does not count
    as a direction. Source: Roy & Vetterli 2007; uncentred as RankMe in Garrido et al. 2023.
    """
    return spread(z, bootstrap=bootstrap).effective_rank


@dataclass(frozen=True)
class Spread:
    """The two default metrics of the covariance spectrum."""

    uniformity_w2: Estimate
    effective_rank: Estimate


def spread(z: Matrix, *, bootstrap: GroupBootstrap | None = None) -> Spread:
    """`uniformity_w2` and `effective_rank` of z (n_rows, dim) from one eigendecomposition.

    With fewer studies in the bootstrap than rows, z is a stack of modalities of the same studies.
    """
    z = as_unit_rows(z)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(z)))

    def statistics(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (w2, w2_slopes), (rank, rank_slopes) = _minus_w2(values, z.shape[1]), _directions(values)
        return np.array([w2, rank]), np.stack([w2_slopes, rank_slopes], axis=1)

    w2_found, rank_found = _spectral(z, statistics, bootstrap)
    most = max(1, min(len(z) - 1, z.shape[1]))
    return Spread(w2_found.clipped(-np.inf, 0), rank_found.clipped(1, most))


@dataclass(frozen=True)
class Isotropy:
    """Two further metrics of the covariance spectrum.

    participation_ratio  (sum l)^2 / sum l^2, l the eigenvalues of the covariance; 1..dim, higher = more
                         directions carry the variance; large ones count more than in the effective rank
    isoscore             0 = one direction, 1 = the same variance in all (Rudman et al. 2022). Its formula
                         simplifies to (participation_ratio - 1) / (D - 1). NaN with fewer rows than D
    """

    participation_ratio: Estimate
    isoscore: Estimate


def isotropy(z: Matrix, *, bootstrap: GroupBootstrap | None = None) -> Isotropy:
    """How evenly z (n_rows, dim) of unit rows spreads its variance; a stack as in `spread`."""
    z = as_unit_rows(z)
    n, dim = z.shape
    bootstrap = bootstrap or GroupBootstrap(np.arange(n))

    def statistics(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not len(values):
            return np.full(2, np.nan), np.empty((0, 2))
        total, squares = values.sum(), np.square(values).sum()
        ratio = total**2 / squares
        slopes = 2 * ratio * (1 / total - values / squares)
        scale = max(1, dim - 1)
        return np.array([ratio, (ratio - 1) / scale]), np.stack([slopes, slopes / scale], axis=1)

    ratio, score = _spectral(z, statistics, bootstrap)
    if np.isnan(ratio.value):
        none = bootstrap.undefined("all rows are equal: there is no variance")
        return Isotropy(none, none)
    if n < dim or dim < 2:
        reason = f"{n:,} rows in {dim:,} dimensions: IsoScore needs at least as many rows as dimensions, "
        "and two dimensions"
        score = bootstrap.undefined(reason)
    return Isotropy(ratio.clipped(1, dim), score.clipped(0, 1))


# eigenvalues (k,) -> values (q,) and their slopes in each eigenvalue (k, q)
Statistics = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _spectral(z: UnitRows, statistics: Statistics, bootstrap: GroupBootstrap) -> list[Estimate]:
    """Statistics of the spectrum of z with intervals, a stack by study."""
    values, vectors = np.linalg.eigh(_smaller_product(z))
    kept = values > ROUNDING
    values, vectors = values[kept], vectors[:, kept]
    estimates, slopes = statistics(values)
    if len(z) < z.shape[1]:  # eigenvectors of the Gram matrix: the rows along the directions
        influences = np.square(vectors) * (len(z) * values) @ slopes
    else:
        narrow = vectors.astype(np.float32)
        parts = ((part - z.mean).astype(np.float32) for _, part in z.blocks())
        influences = np.concatenate([np.square(part @ narrow) @ slopes for part in parts])
    # a row changes eigenvalue j by <v_j, z_i - m>^2 - l_j; the change of the mean is of second order
    influence = _by_study(influences - values @ slopes, bootstrap.n)
    if MIN_GROUPS <= bootstrap.n_groups < FEW_GROUPS * z.shape[1] and bootstrap.resamples > JACKKNIFE_BLOCKS:
        influence = influence * _correction(z, statistics, influence, bootstrap)
    return bootstrap.from_influence(estimates, influence)


def _smaller_product(z: UnitRows) -> np.ndarray:
    """The biased covariance, or the Gram matrix of the centred rows: equal spectra except for zeros."""
    if len(z) >= z.shape[1]:
        return scatter(z) / len(z)
    centred = unit_rows(z) - z.mean
    return centred @ centred.T / len(z)


def _correction(
    z: UnitRows, statistics: Statistics, influence: np.ndarray, bootstrap: GroupBootstrap
) -> np.ndarray:
    """(q,) ratio of the block-jackknife spread to the first-order spread."""
    blocks = min(JACKKNIFE_BLOCKS, bootstrap.n_groups)
    block = np.random.default_rng(bootstrap.seed).permutation(bootstrap.n_groups) % blocks
    of_row = np.tile(block[bootstrap.codes], len(z) // bootstrap.n)
    jackknife = []
    with threadpool_limits(1):  # many small products: faster with one thread
        for product in _without(z, of_row, blocks):
            values = np.linalg.eigvalsh(product)
            jackknife.append(statistics(values[values > ROUNDING])[0])
    spread = np.std(jackknife, axis=0) * np.sqrt(blocks - 1)
    first_order = np.linalg.norm(group_sums(influence, bootstrap.codes), axis=0) / bootstrap.n
    return np.divide(spread, first_order, out=np.ones_like(spread), where=first_order > 0)


def _without(z: UnitRows, of_row: np.ndarray, blocks: int) -> Iterator[np.ndarray]:
    """The smaller product of all rows except those of one block, for each block; of_row (n_rows,) of int."""
    if z.in_memory is not None:
        for left in range(blocks):
            yield _smaller_product(UnitRows(z.in_memory[of_row != left]))
        return
    dim = z.shape[1]
    products, sums = np.zeros((blocks, dim, dim)), np.zeros((blocks, dim))
    for rows, part in z.blocks():
        for left in range(blocks):
            own = part[of_row[rows] == left] - z.mean
            products[left] += own.T @ own
            sums[left] += own.sum(axis=0)
    for left in range(blocks):
        n, off = (of_row != left).sum(), sums.sum(axis=0) - sums[left]
        yield (products.sum(axis=0) - products[left] - np.outer(off, off) / n) / n


def _minus_w2(values: np.ndarray, dim: int) -> tuple[float, np.ndarray]:
    """Value and slope in each eigenvalue. For unit rows |m|^2 + Tr C = 1, in every resample too."""
    root = np.sqrt(values)
    distance = np.sqrt(max(0, 2 - 2 / np.sqrt(dim) * root.sum()))
    slopes = 1 / (2 * np.sqrt(dim) * max(distance, ROUNDING) * root)
    return -float(distance), slopes


def _directions(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and slope in each eigenvalue: dH = -sum (log p + H) ds / sum s, ds = dl / (2 s)."""
    from scipy.special import entr

    singular = np.sqrt(values)
    total = singular.sum()
    if not total:
        return 1.0, singular
    p = singular / total
    entropy = entr(p).sum()
    rank = float(np.exp(entropy))
    return rank, -rank * (np.log(p) + entropy) / (2 * total * singular)


def _by_study(rows: np.ndarray, n: int) -> np.ndarray:
    """(n, q) mean over the rows of each of n studies, from (several n, q): one modality after the other."""
    return rows.reshape(-1, n, rows.shape[1]).mean(axis=0)
