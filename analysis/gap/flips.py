"""Is there a gap at all? Partners change sides at random, and the gap is measured again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import paired
from analysis.group_sums import group_sums, squared_length

ROUNDING = 1e-6  # relative: float32 sums of the same signs in another order are the same gap
PARTS = 8


@dataclass(frozen=True)
class FlipTest:
    """Permutation test of "there is no gap".

    p        (1 + flips with a gap at least as large) / (1 + permutations); small = there is a gap
    null_95  the gap that 95 % of the flips stay below: what chance alone reads
    """

    p: float
    n: int
    n_groups: int
    permutations: int
    null_95: float


def gap_test(
    x: np.ndarray, y: np.ndarray, *, groups: np.ndarray, permutations: int = 1000, seed: int = 0
) -> FlipTest:
    """Exchange x_i and y_i with probability 1/2, all studies of a group together, and take the gap.

    x, y (n_studies, dim) of unit rows; groups (n_studies,) labels. An exchange turns the sign of
    d_i = x_i - y_i, so every flip is one row of signs times the sums of d by group. Exact where the d of
    a group are symmetric about 0; with many groups it tests their mean alone. The smallest p is
    1 / (1 + permutations), or about 2^(1 - groups) where that is more.
    """
    x, y = paired(x, y)
    _, codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    sums = (group_sums(x - y, codes) / len(x)).astype(np.float32)
    rng = np.random.default_rng(seed)
    squared = []
    for size in (len(part) for part in np.array_split(np.arange(permutations), PARTS)):
        bits = rng.integers(256, size=(size, -(-len(sums) // 8)), dtype=np.uint8)
        signs = 1 - 2 * np.unpackbits(bits, axis=1, count=len(sums)).astype(np.float32)
        squared.append(squared_length(signs @ sums))
    gaps = np.sqrt(np.concatenate(squared))
    observed = float(np.linalg.norm(sums.sum(axis=0, dtype=np.float64)))
    reached = int((gaps >= observed * (1 - ROUNDING)).sum())
    p = (1 + reached) / (1 + permutations)
    return FlipTest(p, len(x), len(sums), permutations, float(np.quantile(gaps, 0.95)))
