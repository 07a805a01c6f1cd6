"""Unit rows and shape checks that all metrics share.

X, Y: (n_studies, dim), row i of X is the pair of row i of Y, scaled to length 1. Large matrices stay on disk
or in their own memory and are read block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

MIN_NORM = 1e-12
ROUNDING = 1e-14  # deviation from 1 of the length of a normalised row
MAX_IN_MEMORY = 1 << 25  # values that are kept as float64, 256 MB; larger matrices are read block by block
BLOCK = 8192  # rows in memory at a time


def unit_rows(matrix: Matrix) -> np.ndarray:
    """Rows scaled to length 1 in float64. ValueError for a row without direction or not finite."""
    if isinstance(matrix, UnitRows):
        return matrix.take(slice(None))
    wide = np.asarray(matrix, dtype=np.float64)
    if wide.ndim != 2:
        raise ValueError(f"Expected (n_studies, dim), got shape {wide.shape}.")
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))[:, None]
    _check_lengths(norms)
    if np.abs(norms - 1).max(initial=0) < ROUNDING:
        return wide  # the same array if it is float64, so that results cached for it stay valid
    return wide / norms


def paired_unit_arrays(x: Matrix, y: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Both matrices with unit rows. ValueError unless the shapes agree and there are two pairs."""
    check_pairs(x, y)
    return unit_rows(x), unit_rows(y)


def check_pairs(x: Matrix, y: Matrix) -> None:
    """ValueError unless the shapes agree and there are two pairs."""
    if np.shape(x) != np.shape(y):
        raise ValueError(f"Paired modalities need one shape, got {np.shape(x)} and {np.shape(y)}.")
    if len(x) < 2:
        raise ValueError(f"At least 2 pairs are needed, got {len(x)}.")


class UnitRows:
    """Unit rows (n_rows, dim) of one matrix or of several stacked ones, converted to float64 on access.

    matrices  (n, dim) each, of any float type, in memory or memory-mapped; large ones are not copied
    rows      which rows of each, default all
    lengths   (n_rows,) lengths of the rows, if known

    ValueError for a row without direction or not finite.
    """

    def __init__(
        self, *matrices: np.ndarray, rows: np.ndarray | None = None, lengths: np.ndarray | None = None
    ) -> None:
        self.matrices, self.rows = matrices, rows
        self.each = len(matrices[0]) if rows is None else len(rows)
        if any(np.ndim(m) != 2 for m in matrices):
            raise ValueError(f"Expected (n_studies, dim), got shape {np.shape(matrices[0])}.")
        self.shape = self.each * len(matrices), matrices[0].shape[1]
        self.lengths = np.empty(0)
        self.in_memory: np.ndarray | None = None
        if self.shape[0] * self.shape[1] <= MAX_IN_MEMORY:
            parts = [m if rows is None else m[rows] for m in matrices]
            self.in_memory = unit_rows(parts[0] if len(parts) == 1 else np.concatenate(parts))
        elif lengths is not None:
            self.lengths = lengths
        else:
            parts = [np.sqrt(np.einsum("nd,nd->n", p, p)) for _, p in self._blocks(self._wide)]
            self.lengths = np.concatenate(parts)
            _check_lengths(self.lengths)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self.take(slice(None)).astype(dtype or np.float64)  # type: ignore[call-overload]

    def take(self, rows: slice | np.ndarray) -> np.ndarray:
        """The given rows, (m, dim) float64 of length 1."""
        if self.in_memory is not None:
            return self.in_memory[rows]
        return self._wide(rows) / self.lengths[rows][:, None]

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """All rows in blocks: (slice, rows)."""
        return self._blocks(self.take)

    def source(self, rows: slice | np.ndarray) -> np.ndarray:
        """The given rows: unit rows if in memory, else unscaled and of the original type."""
        return self.raw(rows) if self.in_memory is None else self.in_memory[rows]

    def raw(self, rows: slice | np.ndarray) -> np.ndarray:
        """The given rows, neither scaled nor converted."""
        if len(self.matrices) == 1:
            return self._of(self.matrices[0], rows)
        places = np.arange(len(self))[rows]
        of = places // self.each
        out = np.empty((len(places), self.shape[1]), np.result_type(*self.matrices))
        for number in np.unique(of):
            out[of == number] = self._of(self.matrices[number], places[of == number] % self.each)
        return out

    @cached_property
    def mean(self) -> np.ndarray:
        """(dim,) mean of the rows."""
        return self.total(slice(None)) / len(self)

    def total(self, rows: slice | np.ndarray) -> np.ndarray:
        """(dim,) sum of some rows, in their order."""
        if self.in_memory is not None:
            return self.in_memory[rows].sum(axis=0)
        places = np.arange(len(self))[rows]
        steps = range(0, len(places), BLOCK)
        return np.sum([self.take(places[i : i + BLOCK]).sum(axis=0) for i in steps], axis=0)

    def _of(self, matrix: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
        return np.asarray(matrix[rows if self.rows is None else self.rows[rows]])

    def _wide(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.raw(rows).astype(np.float64)

    def _blocks(self, take: Taker) -> Iterator[tuple[slice, np.ndarray]]:
        for start in range(0, len(self), BLOCK):
            part = slice(start, min(start + BLOCK, len(self)))
            yield part, take(part)


def as_unit_rows(matrix: Matrix) -> UnitRows:
    """The rows of a matrix as `UnitRows`."""
    return matrix if isinstance(matrix, UnitRows) else UnitRows(np.asarray(matrix))


def stacked_rows(parts: Sequence[UnitRows]) -> UnitRows:
    """The rows of several modalities of the same studies, one modality after the other."""
    lengths = None if parts[0].in_memory is not None else np.concatenate([z.lengths for z in parts])
    return UnitRows(*(m for z in parts for m in z.matrices), rows=parts[0].rows, lengths=lengths)


def stored_rows(matrix: Matrix, rows: np.ndarray) -> np.ndarray:
    """The given rows for the retrieval engine: see `UnitRows.source`."""
    return matrix.source(rows) if isinstance(matrix, UnitRows) else matrix[rows]


def take_unit_rows(matrix: Matrix, rows: np.ndarray) -> np.ndarray:
    """The given rows (m, dim), scaled to length 1 in float64; the others are not read."""
    return matrix.take(rows) if isinstance(matrix, UnitRows) else unit_rows(matrix[rows])


def paired_unit_rows(x: Matrix, y: Matrix) -> tuple[UnitRows, UnitRows]:
    """`paired_unit_arrays` for rows that are read in blocks."""
    check_pairs(x, y)
    return as_unit_rows(x), as_unit_rows(y)


def true_cosines(x: UnitRows, y: UnitRows) -> np.ndarray:
    """(n,) cosine of every pair."""
    return np.concatenate([np.einsum("nd,nd->n", part, y.take(rows)) for rows, part in x.blocks()])


def scatter(z: UnitRows) -> np.ndarray:
    """(dim, dim) sum over rows of (z_i - mean) (z_i - mean)^T."""
    total = np.zeros((z.shape[1], z.shape[1]))
    for _, part in z.blocks():
        centred = part - z.mean
        total += centred.T @ centred
    return total


def _check_lengths(lengths: np.ndarray) -> None:
    bad = int((~np.isfinite(lengths) | (lengths < MIN_NORM)).sum())
    if bad:
        raise ValueError(f"{bad} of {len(lengths)} rows are zero or not finite. Leave them out first.")


Matrix = np.ndarray | UnitRows
Taker = Callable[[slice | np.ndarray], np.ndarray]


def pair_cosines(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n_studies,) cosine of each study's own two vectors; NaN except for `rows`, the studies that have both.

    x, y (n_studies, dim), of any length; read in blocks, so that matrices on disk stay there.
    """
    cosines = np.full(len(x), np.nan)
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        a, b = (np.asarray(z[some], np.float64) for z in (x, y))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines[some] = np.einsum("nd,nd->n", a, b) / lengths
    return cosines
