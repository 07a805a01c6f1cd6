"""Compiled count of scores above thresholds, without a sorted copy of each row; cached on disk."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def count_larger(scores: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Number of scores in the row that exceed each threshold: (n, k) of int.

    scores (n, m), thresholds (n, k) in any order. One pass, fast because most scores exceed no threshold.
    """
    n, k = thresholds.shape
    counts = np.zeros((n, k), dtype=np.int64)
    for i in range(n):
        order = np.argsort(thresholds[i])
        rising = thresholds[i][order]
        above = np.zeros(k + 1, dtype=np.int64)  # above[j]: scores that exceed exactly j thresholds
        for score in scores[i]:
            if score > rising[0]:
                above[np.searchsorted(rising, score)] += 1
        total = 0
        for j in range(k - 1, -1, -1):
            total += above[j + 1]
            counts[i, order[j]] = total
    return counts
