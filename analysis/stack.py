"""Rows of several matrices as one, read a block at a time: what lies on disk stays there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.arrays import BLOCK


@dataclass(frozen=True)
class Stack:
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
        """Some rows, (n, dim) float32, in the order asked for."""
        rows = np.asarray(rows)
        found = np.empty((*rows.shape, self.shape[1]), np.float32)
        of = np.searchsorted(self._starts, rows, side="right") - 1
        for number, (part, where) in enumerate(zip(self.parts, self.where, strict=True)):
            mine = of == number
            found[mine] = part[where[rows[mine] - self._starts[number]]]
        return found

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, np.ndarray]]:
        """(which rows, those rows as float32), from the first to the last; parts are not mixed."""
        for part, where, begin in zip(self.parts, self.where, self._starts, strict=False):
            for start in range(0, len(where), size):
                rows = where[start : start + size]
                whole = rows[-1] - rows[0] == len(rows) - 1  # a run of rows needs no copy before the cast
                block = part[rows[0] : rows[-1] + 1] if whole else part[rows]
                at = int(begin) + start
                yield slice(at, at + len(rows)), np.asarray(block, dtype=np.float32)


class Best:
    """The k items of highest score of each query, from scores that come a block at a time.

    scores, rows  (n_queries, k) falling; -inf and -1 until there were k items
    """

    def __init__(self, n_queries: int, k: int) -> None:
        self.scores = np.full((n_queries, k), -np.inf, np.float32)
        self.rows = np.full((n_queries, k), -1)

    def add(self, scores: np.ndarray, start: int) -> None:
        """scores (n_queries, n): of items start, start + 1, and so on."""
        k = self.rows.shape[1]
        hopeful = np.flatnonzero(scores.max(axis=1, initial=-np.inf) > self.scores[:, -1])
        found = scores[hopeful]
        if found.shape[1] > k:
            columns = np.argpartition(found, -k, axis=1)[:, -k:]
        else:
            columns = np.broadcast_to(np.arange(found.shape[1]), found.shape)
        values = np.concatenate([self.scores[hopeful], np.take_along_axis(found, columns, axis=1)], axis=1)
        rows = np.concatenate([self.rows[hopeful], columns + start], axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]
        self.scores[hopeful] = np.take_along_axis(values, order, axis=1)
        self.rows[hopeful] = np.take_along_axis(rows, order, axis=1)


def stack(z: np.ndarray | Stack) -> Stack:
    """The same rows, whichever they come as."""
    return z if isinstance(z, Stack) else Stack([z], [np.arange(len(z))])
