"""All ranks and nearest items of both directions from one pass over the scores, exact in float64.

Each tile of float32 scores stays in cache: it is compared with the best right score of each query,
transposed, compared again for the other direction, and discarded. Comparisons within the float32 error are
repeated in float64. Memory is linear in the number of rows; large matrices are read tile by tile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval.best_answers import BestAnswers, ScoreCounter, counters_of
from suture.analysis.retrieval.distinct_rows import DistinctRows, pair_scores, slices
from suture.analysis.retrieval.protocols import RetrievalTask
from suture.analysis.retrieval.tied_ranks import Positives, Ranks

TILE = (512, 512)  # 1 MB: about the cache of one core
SPARE_CANDIDATES = 6  # candidates beyond k, so that rounding rarely affects the k-th
MAX_WORKERS = 16  # threads, each with its own counters
STRIPES = 64  # minimum number of row blocks to distribute over threads; each reads all items once
SETTLED_AT_A_TIME = 16  # rows resolved at a time against all items
HALF_STEP = 2.0**-24  # relative rounding of float32
_BLAS_LOCK = threading.Lock()  # the BLAS thread limit is global to the process


@dataclass
class _DirectionState:
    """Queries and items of one direction, their counters, and the number of nearest items to keep."""

    queries: DistinctRows
    items: DistinctRows
    counters: list[ScoreCounter]
    kept: int

    def __post_init__(self) -> None:
        # <q - a, i - b> + <a, i - b> = <q, i> - <q, b>: a score up to a constant of the query
        self.base = self.queries.towards(self.items.centre)
        offset = self.items.towards(self.queries.centre) - self.queries.centre @ self.items.centre
        self.offset = offset.astype(np.float32)
        products = self.queries.radius * self.items.radius.max()
        rounding = (self.queries.dim + 8) * products + 4 * np.abs(offset).max()
        self.error = HALF_STEP * rounding + self.queries.dim * 2.0**-53
        self.bounds = []
        for counter in self.counters:
            starts = np.searchsorted(counter.row, np.arange(len(self.queries) + 1))
            wanted, error = counter.best - self.base[counter.row], self.error[counter.row]
            low, high = ((wanted + side * error).astype(np.float32) for side in (-1, 1))
            self.bounds.append((starts, low, high))

    @property
    def plain(self) -> bool:
        """Whether every query has one target, every item has weight 1, and no nearest items are kept."""
        return not self.kept and all(
            len(c.row) == len(self.queries) and (c.weights == 1).all() for c in self.counters
        )


class _Worker:
    """Counters of one thread, merged at the end."""

    def __init__(self, directions: Sequence[_DirectionState]) -> None:
        self.directions = directions
        self.plain = len(directions) > 1 and directions[1].plain
        self.buffers = np.empty((2, TILE[0] * TILE[1]), np.float32)
        self.counts = [[np.zeros((2, len(c.row)), np.int64) for c in d.counters] for d in directions]
        self.values = [np.full((len(d.queries), d.kept), -np.inf, np.float32) for d in directions]
        self.items = [np.full((len(d.queries), d.kept), -1, np.int32) for d in directions]

    def sweep(self, blocks: Iterator[slice]) -> None:
        """Process blocks of rows until none is left."""
        x, y = self.directions[0].queries, self.directions[0].items
        for block in blocks:
            left, left_centred = x.block(block)
            for part in slices(len(y), TILE[1]):
                right, right_centred = y.block(part)
                for r in slices(len(left), TILE[0]):
                    rows = slice(block.start + r.start, block.start + r.stop)
                    self._tile(
                        left_centred[r], right_centred, _TileRows(rows, left[r]), _TileRows(part, right)
                    )

    def _tile(self, left: np.ndarray, right: np.ndarray, x: _TileRows, y: _TileRows) -> None:
        from suture.analysis.retrieval import kernels

        shape = len(left), len(right)
        tile, turned = (b[: shape[0] * shape[1]] for b in self.buffers)
        tile, turned = tile.reshape(shape), turned.reshape(shape[::-1])
        np.dot(left, right.T, out=tile)
        self._count_rows(0, tile, x, y)
        if self.plain:
            self._count_columns(tile, x, y)
        elif len(self.directions) > 1:
            kernels.transpose(tile, turned)
            self._count_rows(1, turned, y, x)

    def _count_rows(self, which: int, tile: np.ndarray, queries: _TileRows, items: _TileRows) -> None:
        from suture.analysis.retrieval import kernels

        d = self.directions[which]
        row, item, offset = queries.part.start, items.part.start, d.offset[items.part]
        pair = queries.rows, d.queries.scale[queries.part], items.rows, d.items.scale[items.part]
        for counter, bounds, counts in zip(d.counters, d.bounds, self.counts[which], strict=True):
            kernels.count(tile, row, item, offset, *bounds, counter.best, counter.weights, *pair, *counts)
        if d.kept:
            kernels.keep_best(tile, row, item, offset, self.values[which], self.items[which])

    def _count_columns(self, tile: np.ndarray, items: _TileRows, queries: _TileRows) -> None:
        """Count for the columns of the tile as queries, without transposing it."""
        from suture.analysis.retrieval import kernels

        d = self.directions[1]
        row, offset = queries.part.start, d.offset[items.part]
        pair = queries.rows, d.queries.scale[queries.part], items.rows, d.items.scale[items.part]
        for counter, (_, low, high), counts in zip(d.counters, d.bounds, self.counts[1], strict=True):
            kernels.count_turned(tile, row, offset, low, high, counter.best, *pair, *counts)


@dataclass(frozen=True)
class _TileRows:
    """The rows of one side of a tile: their slice, and the unscaled values."""

    part: slice
    rows: np.ndarray


@dataclass(frozen=True)
class SearchResult:
    """Results of one direction: ranks of each task, all right answers if requested, nearest rows.

    nearest  (n_queries, k) gallery rows of highest cosine, equal rows in gallery order
    """

    ranks: list[Ranks]
    positives: list[Positives | None]
    nearest: np.ndarray


def search(
    x: DistinctRows,
    y: DistinctRows,
    *,
    forward: Sequence[RetrievalTask],
    backward: Sequence[RetrievalTask] | None = None,
    k: int = 0,
    every: Sequence[int] = (),
) -> tuple[SearchResult, ...]:
    """Ranks of all tasks and the k nearest items of every row; backward: queries y, gallery x.

    every  indices of the tasks for which all right answers are ranked, not only the best one
    """
    sides = [(x, y, forward)] + ([] if backward is None else [(y, x, backward)])
    targets = [[BestAnswers(t, q, g, number in every) for number, t in enumerate(ts)] for q, g, ts in sides]
    directions = []
    for (queries, gallery, _), best_answers in zip(sides, targets, strict=True):
        cut = min(k, len(gallery.which))
        kept = min(cut + SPARE_CANDIDATES, len(gallery)) if cut else 0
        directions.append(_DirectionState(queries, gallery, counters_of(best_answers), kept))
    workers = _sweep(directions)
    results = []
    for number, (direction, best_answers) in enumerate(zip(directions, targets, strict=True)):
        for place, counter in enumerate(direction.counters):
            counter.above, counter.tied = np.sum([w.counts[number][place] for w in workers], axis=0)
        nearest = _nearest(direction, number, workers, min(k, len(direction.items.which)))
        results.append(
            SearchResult([q.ranks() for q in best_answers], [q.positives() for q in best_answers], nearest)
        )
    return tuple(results)


def _sweep(directions: Sequence[_DirectionState]) -> list[_Worker]:
    """Distribute the blocks of rows over as many threads as BLAS would use."""
    from threadpoolctl import ThreadpoolController

    n = len(directions[0].queries)
    blocks = list(slices(n, TILE[0] * int(np.clip(n // (TILE[0] * STRIPES), 1, 8))))
    if len(blocks) == 1:
        worker = _Worker(directions)
        worker.sweep(iter(blocks))
        return [worker]
    with _BLAS_LOCK:
        blas = ThreadpoolController().select(user_api="blas")
        threads = max((library["num_threads"] for library in blas.info()), default=1)
        workers = [_Worker(directions) for _ in range(min(threads, MAX_WORKERS, len(blocks)))]
        todo = iter(blocks)  # a list iterator hands each block to one thread
        with blas.limit(limits=1), ThreadPoolExecutor(len(workers)) as pool:
            for done in [pool.submit(w.sweep, todo) for w in workers]:
                done.result()
    return workers


def _nearest(direction: _DirectionState, number: int, workers: list[_Worker], k: int) -> np.ndarray:
    """Merge and rescore the nearest candidates in float64, in parallel over rows."""
    from suture.analysis.retrieval import kernels

    queries, gallery = direction.queries, direction.items
    out = np.empty((len(queries), k), np.int64)
    members, starts = gallery.members()

    def settle(part: slice) -> None:
        values, items = workers[0].values[number][part], workers[0].items[number][part]
        for other in workers[1:]:
            kernels.merge_best(values, items, other.values[number][part], other.items[number][part])
        rows = np.arange(len(queries))[part]
        pairs = np.repeat(rows, items.shape[1]), items.ravel()
        scored = pair_scores(queries, gallery, *pairs).reshape(items.shape)
        lowest = kernels.settle_nearest(scored, items, starts, members, out[part])
        if items.shape[1] < len(gallery):  # an item that was not kept scores at most the last kept value
            doubt = lowest - direction.base[part] <= values[:, -1] + direction.error[part]
            for some in slices(int(doubt.sum()), SETTLED_AT_A_TIME):
                open_ = np.flatnonzero(doubt)[some]
                _settle_from_all(direction, rows[open_], lowest[open_], members, starts, out)

    if k:
        step = -(-len(queries) // len(workers))
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(settle, (slice(s, s + step) for s in range(0, len(queries), step))))
    return out[queries.which]


def _settle_from_all(
    direction: _DirectionState, rows: np.ndarray, lowest: np.ndarray, members: np.ndarray, starts: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """Rescore all items that may score at least `lowest` (n_rows,), for a few rows."""
    from suture.analysis.retrieval import kernels

    queries, gallery = direction.queries, direction.items
    taken = queries.take(rows)
    centred = kernels.centred(taken, queries.scale[rows], queries.centre)[0]
    bar = np.nextafter((lowest - direction.base[rows] - direction.error[rows]).astype(np.float32), -np.inf)
    near = []
    for part in slices(len(gallery)):
        which, item = np.nonzero(centred @ gallery.block(part)[1].T + direction.offset[part] >= bar[:, None])
        near.append(np.stack([which, item + part.start]))
    which, item = np.concatenate(near, axis=1)
    scored = pair_scores(queries, gallery, rows[which], item)
    for number, row in enumerate(rows):
        own = which == number
        kernels.settle_nearest(scored[None, own], item[None, own], starts, members, out[row : row + 1])
