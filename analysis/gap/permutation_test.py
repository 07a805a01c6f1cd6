"""Permutation test of "there is no gap": exchange the two modalities of random studies, measure again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import Matrix, paired_unit_rows
from suture.analysis.math.group_sums import group_sum_blocks, label_codes, squared_length

ROUNDING = 1e-6  # relative: sums of the same signs in another order differ by float32 rounding
PARTS = 8


@dataclass(frozen=True)
class PermutationTest:
    """Permutation test of "there is no gap".

    p        (1 + flips with a gap at least as large) / (1 + permutations); small = there is a gap
    null_95  95th percentile of the gap under the null hypothesis
    """

    p: float
    n: int
    n_groups: int
    permutations: int
    null_95: float


def gap_test(
    x: Matrix, y: Matrix, *, groups: np.ndarray, permutations: int = 1000, seed: int = 0
) -> PermutationTest:
    """Exchange x_i and y_i with probability 1/2, all studies of a group together, and take the gap.

    x, y (n_studies, dim) of unit rows; groups (n_studies,) labels. An exchange flips the sign of
    d_i = x_i - y_i, so each permutation is one row of signs times the sums of d by group. Exact if the d of
    a group are symmetric about 0; with many groups it tests only their mean. The smallest p is
    1 / (1 + permutations), or about 2^(1 - groups) where that is more.
    """
    x, y = paired_unit_rows(x, y)
    codes = label_codes(groups)
    n_groups = int(codes.max()) + 1
    rng = np.random.default_rng(seed)
    sizes = (len(part) for part in np.array_split(np.arange(permutations), PARTS))
    bits = [rng.integers(256, size=(size, -(-n_groups // 8)), dtype=np.uint8) for size in sizes]
    flipped, whole = np.zeros((permutations, x.shape[1])), np.zeros(x.shape[1])
    for which, apart in group_sum_blocks(lambda rows: x.take(rows) - y.take(rows), codes):
        narrow = (apart / len(x)).astype(np.float32)
        flipped += np.concatenate([_signs(part, which) @ narrow for part in bits])
        whole += narrow.sum(axis=0, dtype=np.float64)
    gaps = np.sqrt(squared_length(flipped))
    observed = float(np.linalg.norm(whole))
    reached = int((gaps >= observed * (1 - ROUNDING)).sum())
    p = (1 + reached) / (1 + permutations)
    return PermutationTest(p, len(x), n_groups, permutations, float(np.quantile(gaps, 0.95)))


def _signs(bits: np.ndarray, groups: slice) -> np.ndarray:
    """(b, n) float32 signs, 1 or -1, of a slice of groups, from bits packed by eight."""
    first = groups.start // 8
    some = np.unpackbits(bits[:, first : -(-groups.stop // 8)], axis=1)
    return 1 - 2 * some[:, groups.start - 8 * first : groups.stop - 8 * first].astype(np.float32)
