"""A matrix in a file, written and read block by block, so that it is never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLOCK = 8 * 2**20  # bytes of rows that are in memory at once


@dataclass
class Matrix:
    """(rows, width) of `dtype`, row after row from byte `offset` of the file on."""

    path: Path
    dtype: np.dtype
    width: int
    rows: int = 0
    offset: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """As an array's."""
        return self.rows, self.width

    def __len__(self) -> int:
        return self.rows

    def fits(self, block: np.ndarray) -> bool:
        """Whether these could be further rows."""
        return block.ndim == 2 and block.shape[1] == self.width and block.dtype == self.dtype

    def append(self, block: np.ndarray) -> None:
        """Further rows."""
        with self.path.open("ab") as stream:
            content = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
            stream.write(content)  # tofile would hide why it fails
        self.rows += len(block)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """(which rows, the rows), in order."""
        most = rows_of(self.width, self.dtype)
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for start in range(0, self.rows, most):
                stop = min(start + most, self.rows)
                flat = np.fromfile(stream, self.dtype, (stop - start) * self.width)
                yield slice(start, stop), flat.reshape(-1, self.width)


def rows_of(width: int, dtype: np.dtype) -> int:
    """How many rows are one block."""
    return max(1, BLOCK // max(1, width * dtype.itemsize))


def save(
    path: Path,
    matrix: Matrix,
    good: np.ndarray,
    change: Callable[[np.ndarray, np.ndarray], np.ndarray],
    told: Callable[[int], None],
) -> Matrix:
    """Write the good rows as numpy.save would write them whole.

    good    (rows,) bool, of which some are true
    change  called with the numbers of some rows and the rows; gives what is written
    told    called with the number of rows of every block that was read
    """
    made: Matrix | None = None
    for where, block in matrix.blocks():
        kept = good[where]
        rows = change(np.flatnonzero(kept) + where.start, block[kept])
        if made is None:
            made = begun(path, rows.dtype, (int(good.sum()), matrix.width))
        made.append(rows)
        told(len(block))
    assert made is not None
    return made


def begun(path: Path, dtype: np.dtype, shape: tuple[int, int]) -> Matrix:
    """A .npy of that shape, to which its rows are to be appended."""
    descr = np.lib.format.dtype_to_descr(dtype)
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
        return Matrix(path, dtype, shape[1], 0, stream.tell())
