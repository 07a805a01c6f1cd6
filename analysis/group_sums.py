"""Sums over the studies of a group, taken once: a resample of groups is then one row of a matrix product."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.uncertainty import GroupBootstrap

BLOCK = 4_000_000  # counts held at once as floats


def group_sums(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n_groups, k) float64 sums of rows (n_studies, k) or (n_studies,) over codes (n_studies,) int >= 0."""
    order = np.argsort(codes, kind="stable")
    rows = rows.reshape(len(codes), -1)[order].astype(np.float64, copy=False)
    sizes = np.bincount(codes)
    return rows if len(sizes) == len(rows) else np.add.reduceat(rows, np.cumsum(sizes) - sizes, axis=0)


def draws(bootstrap: GroupBootstrap) -> Iterator[np.ndarray]:
    """Blocks of (b, n_groups) float32: how often each group was drawn, in the order of the resamples."""
    parts = -(-bootstrap.counts.size // BLOCK)
    for part in np.array_split(bootstrap.counts, max(1, parts)):
        yield part.astype(np.float32)


def squared_length(vectors: np.ndarray) -> np.ndarray:
    """(b,) float64 squared lengths of (b, dim)."""
    return np.square(vectors).sum(axis=1, dtype=np.float64)
