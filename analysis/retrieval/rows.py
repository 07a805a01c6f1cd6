"""One side of the scores: which rows are equal, and what float32 needs to know of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import MIN_NORM


@dataclass(frozen=True)
class Rows:
    """Rows of one modality, equal ones once: m distinct of n.

    rows, scale  (m, dim) as they came, in the order of their first copy, and 1 / length
    which        (n,) distinct row of each row
    centre       (dim,) mean of the unit rows
    centred      (m, dim) float32 unit rows less the centre: in a narrow cone, where all cosines are alike,
                 float32 keeps its digits for what differs
    radius       (m,) length of the centred rows
    """

    rows: np.ndarray
    scale: np.ndarray
    which: np.ndarray
    centre: np.ndarray
    centred: np.ndarray
    radius: np.ndarray

    @property
    def dim(self) -> int:
        """Dimensions."""
        return self.rows.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def towards(self, point: np.ndarray) -> np.ndarray:
        """Products of the unit rows with a point in float64, (m,)."""
        from analysis.retrieval.kernels import products

        return products(self.rows, self.scale, point)

    def members(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows sorted by distinct row, in order, and where each distinct row starts, (n,) and (m + 1,)."""
        order = np.argsort(self.which, kind="stable")
        return order, np.searchsorted(self.which[order], np.arange(len(self) + 1))


def rows_of(matrix: np.ndarray) -> Rows:
    """ValueError for a row without direction or not finite."""
    from analysis.retrieval import kernels

    rows = np.asarray(matrix)
    if rows.ndim != 2:
        raise ValueError(f"Expected (n_studies, dim), got shape {rows.shape}.")
    kind = np.float32 if rows.dtype in (np.float16, np.float32) else np.float64
    rows = np.ascontiguousarray(rows, dtype=kind)
    factors = np.random.default_rng(0).integers(2**62, size=rows.shape[1]) * 2 + 1
    lengths, codes = kernels.lengths_and_codes(rows, factors)
    bad = int((~np.isfinite(lengths) | (lengths < MIN_NORM)).sum())
    if bad:
        raise ValueError(f"{bad} of {len(rows)} rows are zero or not finite. Leave them out first.")
    first, which = _distinct(rows, codes)
    scale = 1 / lengths[first]
    if len(first) < len(rows):
        rows = rows[first]
    centre, centred, radius = kernels.centred(rows, scale, np.bincount(which) / len(which))
    return Rows(rows, scale, which, centre, centred, radius)


def _distinct(rows: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First copy of each distinct row, rising, and the distinct row of each row."""
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    copies = np.flatnonzero(first[which] != np.arange(len(rows)))
    originals = first[which[copies]]
    same = all(np.array_equal(rows[i], rows[j]) for i, j in zip(copies, originals, strict=True))
    if not same:  # two different rows share a code
        _, first, which = np.unique(rows + 0.0, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which.ravel()]
