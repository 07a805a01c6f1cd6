"""Row sums of functions of squared distances, block by block, without an (n, n) matrix in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

BLOCK = 1024  # rows and columns of a block, which fits in the cache
PRECISE_ROWS = 1024  # up to this many rows in float64; with more, float32 rounding (1e-7) averages out

Function = Callable[[np.ndarray], np.ndarray]  # squared distances -> values, elementwise


def kernel_sums(
    a: np.ndarray, b: np.ndarray | None, functions: Sequence[Function]
) -> tuple[np.ndarray, np.ndarray]:
    """sum_j f(|a_i - b_j|^2) for each row i of a, and sum_i for each row j of b, for each f.

    a (n, dim), b (m, dim) of unit rows; b None = a against itself, each distance computed once, the
    diagonal exactly 0 and included in the sums. (k, n) and (k, m) float64, k functions.
    """
    symmetric = b is None
    other = a if b is None else b
    kind = np.float64 if max(len(a), len(other)) <= PRECISE_ROWS else np.float32
    left: np.ndarray = a.astype(kind)
    right: np.ndarray = other.astype(kind)
    rows, columns = np.zeros((len(functions), len(a))), np.zeros((len(functions), len(other)))
    for i in range(0, len(a), BLOCK):
        for j in range(i if symmetric else 0, len(other), BLOCK):
            squared = left[i : i + BLOCK] @ right[j : j + BLOCK].T
            np.maximum(np.subtract(2, np.multiply(squared, 2, out=squared), out=squared), 0, out=squared)
            if symmetric and i == j:
                np.fill_diagonal(squared, 0)
            for k, function in enumerate(functions):
                values = function(squared)
                rows[k, i : i + BLOCK] += values.sum(axis=1, dtype=np.float64)
                if not (symmetric and i == j):
                    columns[k, j : j + BLOCK] += values.sum(axis=0, dtype=np.float64)
    return (rows + columns, rows + columns) if symmetric else (rows, columns)


def expand_influence(influence: np.ndarray, chosen: np.ndarray, n: int) -> np.ndarray:
    """(n, k) influence of all studies on a mean over chosen ones, from (len(chosen), k) of those.

    A resample draws from all n; each chosen study represents n / len(chosen) studies, so the spread is that
    of a mean over len(chosen) studies.
    """
    full = np.zeros((n, influence.shape[1]))
    full[chosen] = influence * (n / len(chosen))
    return full


def sample_error(influence: np.ndarray, chosen: np.ndarray, n: int) -> float:
    """Standard error, against all n studies, of a mean over chosen ones with this influence."""
    m = len(chosen)
    return float(influence.std() / np.sqrt(m) * np.sqrt(1 - m / n))
