"""Distinct unit rows of one matrix, with the centre and error radii for float32 scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import MIN_NORM, Matrix, UnitRows

MAX_IN_MEMORY = (
    1 << 26
)  # up to this many values the float32 rows are kept in memory; above, they are read by tiles
BLOCK = 4096  # rows in memory at a time, above
PAIRS = 8192  # pairs of rows scored at a time

Take = Callable[[slice | np.ndarray], np.ndarray]


@dataclass(frozen=True)
class DistinctRows:
    """Rows of one modality without duplicates: m distinct of n.

    take          distinct rows (m, dim), unscaled, float32 or float64, in the order of their first copy
    scale         (m,) 1 / length
    which         (n,) distinct row of each row
    centre        (dim,) mean of the unit rows
    radius        (m,) length of the unit rows less the centre
    whole         (m, dim) twice, see `block`, if small enough
    """

    take: Take
    scale: np.ndarray
    which: np.ndarray
    centre: np.ndarray
    radius: np.ndarray
    whole: tuple[np.ndarray, np.ndarray] | None

    @property
    def dim(self) -> int:
        """Dimensions."""
        return len(self.centre)

    def __len__(self) -> int:
        return len(self.scale)

    def block(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """Distinct rows unscaled, and their centred unit rows in float32. Centring keeps the float32 digits
        for the differences in a narrow cone, where all cosines are similar."""
        from suture.analysis.retrieval import kernels

        if self.whole is not None:
            return self.whole[0][part], self.whole[1][part]
        rows = self.take(part)
        return rows, kernels.centred(rows, self.scale[part], self.centre)[0]

    def towards(self, point: np.ndarray) -> np.ndarray:
        """Products of the unit rows with a point in float64, (m,)."""
        from suture.analysis.retrieval import kernels

        parts = [kernels.products(self.take(p), self.scale[p], point) for p in slices(len(self))]
        return np.concatenate(parts)

    def members(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows sorted by distinct row, in order, and where each distinct row starts, (n,) and (m + 1,)."""
        order = np.argsort(self.which, kind="stable")
        return order, np.searchsorted(self.which[order], np.arange(len(self) + 1))


def distinct_rows(matrix: Matrix) -> DistinctRows:
    """The distinct rows of a matrix. ValueError for a row that is zero or not finite."""
    from suture.analysis.retrieval import kernels

    take, n, dim = _source(matrix)
    factors = np.random.default_rng(0).integers(2**62, size=dim) * 2 + 1
    parts = [kernels.lengths_and_codes(take(part), factors) for part in slices(n)]
    lengths, codes = map(np.concatenate, zip(*parts, strict=True)) if parts else np.zeros((2, 0))
    bad = int((~np.isfinite(lengths) | (lengths < MIN_NORM)).sum())
    if bad:
        raise ValueError(f"{bad} of {n} rows are zero or not finite. Leave them out first.")
    first, which = _distinct(take, codes)
    scale, weights = 1 / lengths[first], np.bincount(which) / n

    def distinct(rows: slice | np.ndarray) -> np.ndarray:
        return take(rows if len(first) == n else first[rows])

    centre = np.zeros(dim)
    for part in slices(len(first)):
        kernels.add_weighted(distinct(part), scale[part], weights[part], centre)
    if len(first) * dim <= MAX_IN_MEMORY:
        rows = distinct(slice(None))
        centred, radius = kernels.centred(rows, scale, centre)
        return DistinctRows(rows.__getitem__, scale, which, centre, radius, (rows, centred))
    radius = np.concatenate(
        [kernels.centred(distinct(part), scale[part], centre)[1] for part in slices(len(first))]
    )
    return DistinctRows(distinct, scale, which, centre, radius, None)


def pair_scores(x: DistinctRows, y: DistinctRows, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Exact cosine of the distinct rows left[p] of x and right[p] of y, (n_pairs,)."""
    from suture.analysis.retrieval import kernels

    out = np.empty(len(left))
    for p in slices(len(left), PAIRS):
        i, j = left[p], right[p]
        out[p] = kernels.scores_of(x.take(i), x.scale[i], y.take(j), y.scale[j])
    return out


def slices(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of `size` that cover n."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _source(matrix: Matrix) -> tuple[Take, int, int]:
    """(function that reads rows as float32 or float64, number of rows, dim)."""
    if isinstance(matrix, UnitRows) and matrix.in_memory is None:
        n, dim = matrix.shape
        kind = _kind(np.result_type(*matrix.matrices))
        return (lambda rows: np.ascontiguousarray(matrix.raw(rows), dtype=kind)), n, dim
    rows = np.asarray(matrix.in_memory if isinstance(matrix, UnitRows) else matrix)
    if rows.ndim != 2:
        raise ValueError(f"Expected (n_studies, dim), got shape {rows.shape}.")
    if rows.size <= MAX_IN_MEMORY:
        rows = np.ascontiguousarray(rows, dtype=_kind(rows.dtype))
        return rows.__getitem__, *rows.shape
    return (lambda part: np.ascontiguousarray(rows[part], dtype=_kind(rows.dtype))), *rows.shape


def _kind(dtype: np.dtype) -> type:
    return np.float32 if dtype in (np.float16, np.float32) else np.float64


def _distinct(take: Take, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First copy of each distinct row, ascending, and the distinct row of each row."""
    _, first, which = np.unique(codes, return_index=True, return_inverse=True)
    copies = np.flatnonzero(first[which] != np.arange(len(codes)))
    originals = first[which[copies]]
    same = all(np.array_equal(take(copies[p]), take(originals[p])) for p in slices(len(copies)))
    if not same:  # hash collision
        _, first, which = np.unique(take(slice(None)) + 0.0, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which.ravel()]
