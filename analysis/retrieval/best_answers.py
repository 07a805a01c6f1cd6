"""The best right answer of each query of a task, and all right answers if requested, with their ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from suture.analysis.retrieval.distinct_rows import DistinctRows, pair_scores, slices
from suture.analysis.retrieval.protocols import RetrievalTask
from suture.analysis.retrieval.tied_ranks import Positives, Ranks

MAX_POSITIVES = 50  # average right answers per query up to which all are ranked
PAIRS_AT_A_TIME = 1 << 20  # right answers processed at a time


@dataclass
class ScoreCounter:
    """Counts the items that score above and equal to `best` for each `row` (ascending), with item weights."""

    row: np.ndarray
    best: np.ndarray
    weights: np.ndarray
    above: np.ndarray = field(init=False)
    tied: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.above, self.tied = np.zeros((2, len(self.row)), np.int64)


class BestAnswers:
    """The best right answer of each query of a task and its rank. Equal queries with one key are merged."""

    def __init__(
        self, task: RetrievalTask, queries: DistinctRows, gallery: DistinctRows, every: bool
    ) -> None:
        self.pair = queries, gallery
        _, codes = np.unique(np.concatenate([task.query_keys, task.gallery_keys]), return_inverse=True)
        query_keys, item_keys = np.split(codes.ravel(), [len(task.query_keys)])
        keys, self.row, self.of_query, _ = _entries(query_keys, queries.which[task.query_rows], len(queries))
        self.item_keys, self.item, _, self.copies = _entries(
            item_keys, gallery.which[task.gallery_rows], len(gallery)
        )
        self.first, self.last = (np.searchsorted(self.item_keys, keys, side=s) for s in ("left", "right"))
        self.weights = np.bincount(gallery.which[task.gallery_rows], minlength=len(gallery)).astype(np.int32)
        self.best, self.right = np.full(len(self.row), -np.inf), np.zeros(len(self.row), np.int64)
        self._find_best()
        self.steps: tuple[np.ndarray, ...] | None = None
        rows, scores = self.row, self.best
        if every and (self.last - self.first).sum() <= MAX_POSITIVES * len(queries.which):
            self.steps = self._steps()
            rows, scores = (
                np.concatenate([rows, rows[self.steps[0]]]),
                np.concatenate([scores, self.steps[1]]),
            )
        self.thresholds = rows, scores
        self.counter: ScoreCounter
        self.place: np.ndarray

    def _right(self, pairs: slice) -> tuple[np.ndarray, np.ndarray]:
        """A slice of all pairs of entry and right answer, ordered by entry."""
        ends = np.cumsum(self.last - self.first)
        places = np.arange(pairs.start, pairs.stop)
        entry = np.searchsorted(ends, places, side="right")
        return entry, places + (self.last - ends)[entry]

    def _find_best(self) -> None:
        from suture.analysis.retrieval import kernels

        for pairs in slices(int((self.last - self.first).sum()), PAIRS_AT_A_TIME):
            entry, item = self._right(pairs)
            scores = pair_scores(*self.pair, self.row[entry], self.item[item])
            kernels.keep_right(entry, scores, self.copies[item], self.best, self.right)

    def _steps(self) -> tuple[np.ndarray, ...]:
        """All right answers: entry, score, number with that score, number with a higher score."""
        entry, item = self._right(slice(0, int((self.last - self.first).sum())))
        scores = pair_scores(*self.pair, self.row[entry], self.item[item])
        order = np.lexsort((-scores, entry))
        entry, scores, copies = entry[order], scores[order], self.copies[item[order]]
        new = np.flatnonzero(np.r_[True, (np.diff(entry) != 0) | (np.diff(scores) != 0)][: len(entry)])
        right = np.add.reduceat(copies, new) if len(new) else np.empty(0, np.int64)
        entry, scores = entry[new], scores[new]
        before = np.cumsum(right) - right
        return entry, scores, right, before - before[np.searchsorted(entry, entry)]

    def ranks(self) -> Ranks:
        place = self.place[: len(self.row)]
        of = self.of_query
        return Ranks(self.counter.above[place][of], self.counter.tied[place][of], self.right[of])

    def positives(self) -> Positives | None:
        if self.steps is None:
            return None
        entry, _, right, right_above = self.steps
        place = self.place[len(self.row) :]
        total = np.bincount(entry, right, minlength=len(self.row)).astype(np.int64)
        above, tied = self.counter.above[place], self.counter.tied[place]
        return Positives(self.of_query, entry, above, tied, right, right_above, total)


def _entries(codes: np.ndarray, rows: np.ndarray, n_rows: int) -> tuple[np.ndarray, ...]:
    """Distinct pairs of key and row, sorted: (keys, rows, index of the pair of each input, copies)."""
    pairs, which, copies = np.unique(codes * n_rows + rows, return_inverse=True, return_counts=True)
    return pairs // n_rows, pairs % n_rows, which.ravel(), copies


def counters_of(targets: Sequence[BestAnswers]) -> list[ScoreCounter]:
    """One counter for all tasks with the same item weights; duplicates are counted once."""
    counters = []
    left = list(targets)
    while left:
        weights = left[0].weights
        same = [q for q in left if np.array_equal(q.weights, weights)]
        left = [q for q in left if not any(q is other for other in same)]
        rows, best = (np.concatenate(parts) for parts in zip(*(q.thresholds for q in same), strict=True))
        order = np.lexsort((best, rows))
        rows, best = rows[order], best[order]
        new = np.r_[True, (np.diff(rows) != 0) | (best[1:] != best[:-1])][: len(rows)]
        place = np.empty(len(order), np.int64)
        place[order] = np.cumsum(new) - 1
        counter = ScoreCounter(rows[new], best[new], weights)
        for q, part in zip(
            same, np.split(place, np.cumsum([len(q.thresholds[0]) for q in same])[:-1]), strict=True
        ):
            q.counter, q.place = counter, part
        counters.append(counter)
    return counters
