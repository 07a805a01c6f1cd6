"""`Matrix`: a matrix in a file, written and read in blocks, so that it is never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLOCK = 8 * 2**20  # bytes of rows in memory at once


@dataclass
class Matrix:
    """A (rows, width) matrix of `dtype` in C order, from byte `offset` of the file."""

    path: Path
    dtype: np.dtype
    width: int
    rows: int = 0
    offset: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, width), like the shape of an array."""
        return self.rows, self.width

    def __len__(self) -> int:
        return self.rows

    def fits(self, block: np.ndarray) -> bool:
        """Whether the block has the width and type of the matrix."""
        return block.ndim == 2 and block.shape[1] == self.width and block.dtype == self.dtype

    def append(self, block: np.ndarray) -> None:
        """Append rows."""
        with self.path.open("ab") as stream:
            content = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            stream.write(content)  # tofile hides the reason of a failure
        self.rows += len(block)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """(slice of row numbers, the rows) of each block, in order."""
        most = rows_of(self.width, self.dtype)
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for start in range(0, self.rows, most):
                stop = min(start + most, self.rows)
                flat = np.fromfile(stream, self.dtype, (stop - start) * self.width)
                yield slice(start, stop), flat.reshape(-1, self.width)


@dataclass(frozen=True)
class InMemory:
    """The same for an array, row after row."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """As an array's."""
        return self.array.shape[0], self.array.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """As an array's."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """(which rows, the rows), in order."""
        most = rows_of(self.shape[1], self.dtype)
        for start in range(0, len(self), most):
            stop = min(start + most, len(self))
            yield slice(start, stop), self.array[start:stop]


def rows_of(width: int, dtype: np.dtype) -> int:
    """Number of rows in a block."""
    return max(1, BLOCK // max(1, width * dtype.itemsize))


def save(
    path: Path,
    matrix: Matrix,
    good: np.ndarray,
    change: Callable[[np.ndarray, np.ndarray], np.ndarray],
    progress: Callable[[int], None],
) -> Matrix:
    """Write the selected rows to a .npy file, as numpy.save would.

    good      (rows,) bool: the rows to write, at least one
    change    called with row numbers and rows; returns the rows to write
    progress  called with the number of rows of each block read
    """
    written: Matrix | None = None
    for where, block in matrix.blocks():
        kept = good[where]
        rows = change(np.flatnonzero(kept) + where.start, block[kept])
        if written is None:
            written = create_npy(path, rows.dtype, (int(good.sum()), matrix.width))
        written.append(rows)
        progress(len(block))
    assert written is not None
    return written


def create_npy(path: Path, dtype: np.dtype, shape: tuple[int, int]) -> Matrix:
    """Write the header of a .npy file of this shape; its rows must then be appended."""
    descr = np.lib.format.dtype_to_descr(dtype)
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
        return Matrix(path, dtype, shape[1], 0, stream.tell())
