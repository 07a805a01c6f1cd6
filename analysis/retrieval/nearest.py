"""Exact nearest neighbours by cosine: of many by faiss, of a few among what lies on disk by one pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIE = 1e-6  # float32 cosines that differ by less are equal
BLOCK = 1024
ITEMS = 8192  # rows of a matrix on disk that are in memory at a time


@dataclass(frozen=True)
class Scan:
    """What one pass over all items found for each query.

    cosines, rows  (n_queries, k) of the nearest, falling; equal cosines in the order of the items
    above          (n_queries, n_bars) how many items lie above each bar
    """

    cosines: np.ndarray
    rows: np.ndarray
    above: np.ndarray


def scan(
    queries: np.ndarray,
    items: np.ndarray,
    *,
    k: int,
    present: np.ndarray | None = None,
    bars: np.ndarray | None = None,
) -> Scan:
    """Read every item once: the k nearest by cosine, and how many lie above some cosines.

    Made for few queries and many items on disk, of which no copy is made.

    queries  (n_queries, dim), items (n_items, dim): unit rows; items may be of any float type
    present  (n_items,) bool, items that count; default all. k is cut to how many they are
    bars     (n_queries, n_bars) cosines; NaN has nothing above it
    """
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    bars = np.empty((len(queries), 0)) if bars is None else bars
    k = min(k, len(items) if present is None else int(present.sum()))
    parts = [
        _scan(queries[rows], items, k, present, bars[rows])
        for rows in (slice(start, start + BLOCK) for start in range(0, max(len(queries), 1), BLOCK))
    ]
    return Scan(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("cosines", "rows", "above")))


def _scan(
    queries: np.ndarray, items: np.ndarray, k: int, present: np.ndarray | None, bars: np.ndarray
) -> Scan:
    best, above = TopK(len(queries), k), np.zeros(bars.shape, np.int64)
    for start in range(0, len(items), ITEMS):
        block = np.asarray(items[start : start + ITEMS], dtype=np.float32)
        scores = queries @ block.T
        if present is not None:
            scores[:, ~present[start : start + ITEMS]] = -np.inf
        for bar in range(bars.shape[1]):
            above[:, bar] += (scores > bars[:, bar, None]).sum(axis=1)
        best.add(scores, start)
    order = np.lexsort((best.rows, -best.scores))
    cosines, rows = (np.take_along_axis(x, order, axis=1) for x in (best.scores, best.rows))
    return Scan(cosines, rows, above)


class TopK:
    """The k items of highest score of each query, from scores that come a block at a time.

    scores, rows  (n_queries, k) falling; -inf and -1 until there were k items
    """

    def __init__(self, n_queries: int, k: int) -> None:
        self.scores = np.full((n_queries, k), -np.inf, np.float32)
        self.rows = np.full((n_queries, k), -1)

    def add(self, scores: np.ndarray, start: int) -> None:
        """scores (n_queries, n): of items start, start + 1, and so on."""
        k = self.rows.shape[1]
        if not k:
            return
        improved = np.flatnonzero(scores.max(axis=1, initial=-np.inf) > self.scores[:, -1])
        candidates = scores[improved]
        if candidates.shape[1] > k:
            columns = np.argpartition(candidates, -k, axis=1)[:, -k:]
        else:
            columns = np.broadcast_to(np.arange(candidates.shape[1]), candidates.shape)
        values = np.concatenate(
            [self.scores[improved], np.take_along_axis(candidates, columns, axis=1)], axis=1
        )
        rows = np.concatenate([self.rows[improved], columns + start], axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]
        self.scores[improved] = np.take_along_axis(values, order, axis=1)
        self.rows[improved] = np.take_along_axis(rows, order, axis=1)


def nearest(queries: np.ndarray, items: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k items of highest cosine for each query: (cosines, rows), both (n_queries, k).

    queries (n_queries, dim) and items (n_items, dim) have unit rows; k is cut to n_items.
    """
    import faiss

    items = np.ascontiguousarray(items, dtype=np.float32)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    return faiss.knn(queries, items, min(k, len(items)), metric=faiss.METRIC_INNER_PRODUCT)  # copies nothing


def partner_rank(query: np.ndarray, items: np.ndarray, own: int) -> int:
    """Place of item `own` for a query (1, dim): 1 + items of higher cosine. 1 = first."""
    scores = items @ query[0]
    return 1 + int((scores > scores[own] + TIE).sum())


def partner_ranks(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Place of each row's own partner among all rows of y: (n,) of float, 1 = first.

    x, y (n, dim) unit rows, row i of both is study i. Ties count in the partner's favour.
    """
    own = np.einsum("nd,nd->n", x, y)
    ranks = np.empty(len(x))
    for start in range(0, len(x), BLOCK):
        scores = x[start : start + BLOCK] @ y.T
        ranks[start : start + BLOCK] = 1 + (scores > own[start : start + BLOCK, None] + TIE).sum(axis=1)
    return ranks
