"""Sums over the studies of a group, taken once: a resample of groups is then one row of a matrix product."""

from __future__ import annotations

import numpy as np


def group_sums(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(n_groups, k) float64 sums of rows (n_studies, k) or (n_studies,) over codes (n_studies,) int >= 0."""
    order = np.argsort(codes, kind="stable")
    rows = rows.reshape(len(codes), -1)[order].astype(np.float64, copy=False)
    sizes = np.bincount(codes)
    return rows if len(sizes) == len(rows) else np.add.reduceat(rows, np.cumsum(sizes) - sizes, axis=0)


def squared_length(vectors: np.ndarray) -> np.ndarray:
    """(b,) float64 squared lengths of (b, dim)."""
    return np.square(vectors).sum(axis=1, dtype=np.float64)
