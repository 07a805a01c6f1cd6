"""Rows of several matrices as one matrix, read in blocks; matrices on disk stay there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from suture.analysis.math.arrays import BLOCK


@dataclass(frozen=True)
class RowStack:
    """Rows `where[0]` of `parts[0]`, then rows `where[1]` of `parts[1]`, and so on; (n_rows, dim).

    parts  matrices of one width and any float type, also mapped from disk
    where  (n,) rising row numbers of each
    """

    parts: Sequence[np.ndarray]
    where: Sequence[np.ndarray]

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, dim)."""
        return len(self), int(self.parts[0].shape[1])

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *map(len, self.where)])

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, (n, dim) float32, in the given order."""
        rows = np.asarray(rows)
        out = np.empty((*rows.shape, self.shape[1]), np.float32)
        of = np.searchsorted(self._starts, rows, side="right") - 1
        for number, (part, where) in enumerate(zip(self.parts, self.where, strict=True)):
            mine = of == number
            out[mine] = part[where[rows[mine] - self._starts[number]]]
        return out

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, np.ndarray]]:
        """(slice, rows as float32) in order; a block is within one part."""
        for part, where, begin in zip(self.parts, self.where, self._starts, strict=False):
            for start in range(0, len(where), size):
                rows = where[start : start + size]
                whole = rows[-1] - rows[0] == len(rows) - 1  # contiguous rows need no copy before the cast
                block = part[rows[0] : rows[-1] + 1] if whole else part[rows]
                at = int(begin) + start
                yield slice(at, at + len(rows)), np.asarray(block, dtype=np.float32)


def as_row_stack(z: np.ndarray | RowStack) -> RowStack:
    """The rows as a `RowStack`."""
    return z if isinstance(z, RowStack) else RowStack([z], [np.arange(len(z))])
