"""Compiled loops over neighbours: distances, and LISI weights of a given perplexity."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STEPS = 200  # bisection steps for beta
TOLERANCE = 1e-10  # of the entropy


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _distance(a: np.ndarray, b: np.ndarray, scale_a: float, scale_b: float) -> float:  # pragma: no cover
    total = 0.0
    for i in range(len(a)):
        total += (a[i] * scale_a - b[i] * scale_b) ** 2
    return math.sqrt(total)


@njit(nogil=True, cache=True)
def distances_to(
    rows: np.ndarray, scale: np.ndarray, near: np.ndarray, near_scale: np.ndarray
) -> np.ndarray:  # pragma: no cover
    """(q, k) float64 distances of unit rows (q, dim) to their neighbours, (q k, dim).

    scale (q,), near_scale (q, k): float64 factors that scale the rows to length 1.
    """
    distances = np.empty(near_scale.shape)
    for q, scales in enumerate(near_scale):
        for c, other in enumerate(scales):
            distances[q, c] = _distance(rows[q], near[q * len(scales) + c], scale[q], other)
    return distances


@njit(nogil=True, cache=True)
def weights_of(distances: np.ndarray, perplexity: int) -> tuple[np.ndarray, np.ndarray]:  # pragma: no cover
    """exp(-beta d) of each row's neighbours at distances (q, k), ascending, scaled to sum 1, and beta (q,).

    beta is found by bisection, so that the entropy of the weights is log(perplexity).
    """
    target = math.log(perplexity)
    weights, betas = np.empty(distances.shape), np.empty(len(distances))
    for q in range(len(distances)):
        d = distances[q] - distances[q, 0]  # equal weights, without underflow
        low, high, beta = 0.0, np.inf, 1.0
        for _ in range(STEPS):
            p = np.exp(-beta * d)
            total = p.sum()
            excess = math.log(total) + beta * (d * p).sum() / total - target
            if abs(excess) < TOLERANCE:
                break
            if excess > 0:
                low = beta
                beta = beta * 2 if high == np.inf else (beta + high) / 2
            else:
                high = beta
                beta = (low + beta) / 2
            if beta > 1e12:
                break
        weights[q], betas[q] = p / total, beta
    return weights, betas
