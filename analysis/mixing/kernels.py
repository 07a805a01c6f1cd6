"""Loops over neighbours that numpy would need many passes for."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STEPS = 200  # each halves what beta can be
TOLERANCE = 1e-10  # of the entropy


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _distance(a: np.ndarray, b: np.ndarray, scale_a: float, scale_b: float) -> float:  # pragma: no cover
    total = 0.0
    for i in range(len(a)):
        total += (a[i] * scale_a - b[i] * scale_b) ** 2
    return math.sqrt(total)


@njit(nogil=True, cache=True)
def exact_neighbours(
    z: np.ndarray,
    scale: np.ndarray,
    queries: np.ndarray,
    candidates: np.ndarray,
    starts: np.ndarray,
    copies: np.ndarray,
    k: int,
) -> tuple[np.ndarray, np.ndarray]:  # pragma: no cover
    """The k nearest rows of each query by float64 distance: (rows, distances), both (q, k).

    z           (n, dim); scale  (n,) float64 that makes its rows unit rows
    queries     (q,) rows of z; a row is not its own neighbour
    candidates  (q, c) distinct items, ascending; item i stands for rows copies[starts[i]:starts[i + 1]]

    Equal distances keep the order of the items, copies of one item that of their rows.
    """
    rows = np.empty((len(queries), k), np.int64)
    distances = np.empty((len(queries), k))
    found = np.empty(candidates.shape[1])
    for q, own in enumerate(queries):
        for c, item in enumerate(candidates[q]):
            row = copies[starts[item]]
            found[c] = _distance(z[own], z[row], scale[own], scale[row])
        place = 0
        for c in np.argsort(found, kind="mergesort"):
            item = candidates[q, c]
            for row in copies[starts[item] : starts[item + 1]]:
                if row != own and place < k:
                    rows[q, place], distances[q, place] = row, found[c]
                    place += 1
            if place == k:
                break
    return rows, distances


@njit(nogil=True, cache=True)
def lisi(
    distances: np.ndarray, modality: np.ndarray, kinds: int, perplexity: int
) -> np.ndarray:  # pragma: no cover
    """1 / sum_c p_c^2 of each row, (q,): p_c is the weight of its neighbours of modality c.

    distances (q, k) ascending, modality (q, k) of the neighbours. Weights are exp(-beta d), with beta
    found by bisection so that their entropy is log(perplexity). Where so many neighbours are equally
    near that no beta reaches it, they share the weight.
    """
    target = math.log(perplexity)
    values = np.empty(len(distances))
    for q in range(len(distances)):
        d = distances[q] - distances[q, 0]  # the same weights, and no underflow
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
        shares = np.zeros(kinds)
        for i in range(len(d)):
            shares[modality[q, i]] += p[i]
        values[q] = total**2 / (shares**2).sum()
    return values
