"""The shape of a cloud of embeddings: how many directions it uses, and two numbers called "uniformity"."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import entr
from threadpoolctl import threadpool_limits

from analysis.arrays import unit_rows
from analysis.uncertainty import Estimate, GroupBootstrap, Statistic

EXACT_ROWS = 4096  # up to here every pair of rows is used, above a seeded sample of pairs
SAMPLED_PAIRS = 1_000_000
RESAMPLES = 100  # at most: each resample costs a kernel product or a spectrum
ROUNDING = 1e-14  # variances of unit rows below this are the rounding of float32 rows


def uniformity_wi(
    z: np.ndarray, *, t: float = 2, bootstrap: GroupBootstrap | None = None, seed: int = 0
) -> Estimate:
    """log mean_{i<j} exp(-t |z_i - z_j|^2), z (n_rows, dim) of unit rows.

    Lower = more uniform; 0 = collapsed to a point; about -2t for uniform rows in many dimensions.
    Above 4,096 rows the mean is over 10^6 seeded pairs. Source: Wang & Isola 2020.
    """
    z = unit_rows(z)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(z)))
    statistic = _kernel_all(z, t) if len(z) <= EXACT_ROWS else _kernel_sampled(z, t, seed)
    return bootstrap.estimates(statistic, resamples=_draws(bootstrap))[0]


def _kernel_all(z: np.ndarray, t: float) -> Statistic:
    kernel = np.exp(-t * np.maximum(0, 2 - 2 * z @ z.T))
    np.fill_diagonal(kernel, 0)

    def statistic(weights: np.ndarray) -> np.ndarray:
        weights = _repeat(weights, len(z))
        pairs = weights.sum(axis=1) ** 2 - np.square(weights).sum(axis=1)
        return np.log(np.einsum("bn,bn->b", weights @ kernel, weights) / pairs)[:, None]

    return statistic


def _kernel_sampled(z: np.ndarray, t: float, seed: int) -> Statistic:
    rng = np.random.default_rng(seed)
    i = rng.integers(len(z), size=SAMPLED_PAIRS)
    j = (i + rng.integers(1, len(z), size=SAMPLED_PAIRS)) % len(z)
    kernel = np.concatenate(
        [
            np.exp(-t * np.square(z[a] - z[b]).sum(axis=1))
            for a, b in zip(np.array_split(i, 64), np.array_split(j, 64), strict=True)
        ]
    )

    def statistic(weights: np.ndarray) -> np.ndarray:
        values = []
        for w in _repeat(weights, len(z)):  # one resample at a time bounds the memory
            both = w[i] * w[j]
            values.append(np.log(both @ kernel / both.sum()))
        return np.asarray(values)[:, None]

    return statistic


def uniformity_w2(z: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> Estimate:
    """-sqrt(|m|^2 + 1 + Tr C - (2 / sqrt D) Tr C^(1/2)), m mean and C biased covariance of z.

    Minus the 2-Wasserstein distance between the rows' Gaussian N(m, C) and N(0, I/D). Higher
    (closer to 0) = more uniform: the other way round than `uniformity_wi`. On the stack of both
    modalities a gap makes it lower. Source: Fang et al. 2024, as used by the target paper.
    """
    return spread(z, bootstrap=bootstrap).uniformity_w2


def effective_rank(z: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> Estimate:
    """exp(-sum p log p), p = s / sum s, s the singular values of the centred unit rows z (n_rows, dim).

    How many directions the rows use: 1 = a line or a single point, at most min(n_rows - 1, dim) when all
    directions are used alike; higher = more. Centred, so that the offset of a narrow cone does not count
    as a direction. Source: Roy & Vetterli 2007; uncentred as RankMe in Garrido et al. 2023.
    """
    return spread(z, bootstrap=bootstrap).effective_rank


@dataclass(frozen=True)
class Spread:
    """The two numbers that need the spectrum of the covariance."""

    uniformity_w2: Estimate
    effective_rank: Estimate


def spread(z: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> Spread:
    """`uniformity_w2` and `effective_rank` of z (n_rows, dim) in the time of one of them."""
    z = unit_rows(z)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(z)))

    def statistic(weights: np.ndarray) -> np.ndarray:
        with threadpool_limits(1):  # many small products: threads would wait for each other
            spectra = [_spectrum(z, w) for w in _repeat(weights, len(z))]
        return np.asarray([(_minus_w2(mean, values), _directions(values)) for mean, values in spectra])

    w2, rank = bootstrap.estimates(statistic, resamples=_draws(bootstrap))
    most = max(1, min(len(z) - 1, z.shape[1]))
    return Spread(_within(w2, -np.inf, 0), _within(rank, 1, most))


def _minus_w2(mean: np.ndarray, eigenvalues: np.ndarray) -> float:
    trace, root = eigenvalues.sum(), np.sqrt(eigenvalues).sum()
    squared = mean @ mean + 1 + trace - 2 / np.sqrt(len(mean)) * root
    return -float(np.sqrt(max(squared, 0)))


def _directions(eigenvalues: np.ndarray) -> float:
    singular = np.sqrt(np.where(eigenvalues > ROUNDING, eigenvalues, 0))
    total = singular.sum()
    return float(np.exp(entr(singular / total).sum())) if total > 0 else 1.0


def _within(estimate: Estimate, least: float, most: float) -> Estimate:
    low, high = (float(np.clip(bound, least, most)) for bound in (estimate.low, estimate.high))
    return replace(estimate, low=low, high=high)


def _spectrum(z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and eigenvalues of the biased covariance, without those that are zero for want of rows."""
    shares = weights / weights.sum()
    mean = shares @ z
    if len(z) < z.shape[1]:  # the rows' own products have the same spectrum and are fewer
        scaled = np.sqrt(shares)[:, None] * (z - mean)
        covariance = scaled @ scaled.T
    else:
        covariance = (z.T * shares) @ z - np.outer(mean, mean)
    return mean, np.clip(np.linalg.eigvalsh(covariance), 0, None)


def _draws(bootstrap: GroupBootstrap) -> int:
    return min(RESAMPLES, bootstrap.resamples)


def _repeat(weights: np.ndarray, rows: int) -> np.ndarray:
    """Weights of studies for a stack of several modalities of the same studies."""
    return np.tile(weights, rows // weights.shape[1])
