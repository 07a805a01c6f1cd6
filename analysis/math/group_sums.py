"""Sums over the studies of each group, so that a resample of groups is one row of a matrix product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from suture.analysis.math.arrays import BLOCK


def label_codes(labels: Iterable[object]) -> np.ndarray:
    """(n,) int code of each label, numbered in text order; memory does not depend on the longest label."""
    return pd.factorize(np.asarray([str(label) for label in labels], dtype=object), sort=True)[0]


def group_sums(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n_groups, k) float64 sums of rows (n_studies, k) or (n_studies,) over codes (n_studies,) int >= 0."""
    order = np.argsort(codes, kind="stable")
    rows = rows.reshape(len(codes), -1)[order].astype(np.float64, copy=False)
    sizes = np.bincount(codes)
    return rows if len(sizes) == len(rows) else np.add.reduceat(rows, np.cumsum(sizes) - sizes, axis=0)


def group_sum_blocks(
    take: Callable[[np.ndarray], np.ndarray], codes: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Group sums in blocks of groups: (slice of groups, their sums).

    take  rows (m,) of int -> (m, k) float64; called for a block of studies at a time
    """
    order, sizes = np.argsort(codes, kind="stable"), np.bincount(codes)
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        start = ends[first] - sizes[first]
        last = max(first + 1, int(np.searchsorted(ends, start + BLOCK, side="right")))
        studies = order[start : ends[last - 1]]
        if last == first + 1:  # a single group may be larger than a block
            parts = [take(studies[i : i + BLOCK]).sum(axis=0) for i in range(0, len(studies), BLOCK)]
            sums = np.sum(parts, axis=0)[None]
        else:
            sums = np.add.reduceat(take(studies), (ends - sizes)[first:last] - start, axis=0)
        yield slice(first, last), sums
        first = last


def squared_length(vectors: np.ndarray) -> np.ndarray:
    """(b,) float64 squared lengths of (b, dim)."""
    return np.square(vectors).sum(axis=1, dtype=np.float64)
