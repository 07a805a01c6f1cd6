"""Exact nearest neighbours by cosine: faiss for matrices in memory, one scan for matrices on disk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIE = 1e-6  # float32 cosines that differ by less count as equal
BLOCK = 1024
ITEMS = 8192  # rows of a matrix on disk that are read at a time


@dataclass(frozen=True)
class Scan:
    """The result of one scan over all items for each query.

    cosines, rows  (n_queries, k) of the nearest, descending; equal cosines in item order
    above          (n_queries, n_thresholds) number of items above each threshold
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
    thresholds: np.ndarray | None = None,
) -> Scan:
    """Read every item once: the k nearest by cosine, and the number of items above given thresholds.

    For few queries and many items on disk, which are not copied.

    queries  (n_queries, dim), items (n_items, dim): unit rows; items may be of any float type
    present  (n_items,) bool, items to search; default all. k is at most their number
    thresholds  (n_queries, n_thresholds) cosines; nothing is above NaN
    """
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    thresholds = np.empty((len(queries), 0)) if thresholds is None else thresholds
    k = min(k, len(items) if present is None else int(present.sum()))
    parts = [
        _scan(queries[rows], items, k, present, thresholds[rows])
        for rows in (slice(start, start + BLOCK) for start in range(0, max(len(queries), 1), BLOCK))
    ]
    return Scan(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("cosines", "rows", "above")))


def _scan(
    queries: np.ndarray, items: np.ndarray, k: int, present: np.ndarray | None, thresholds: np.ndarray
) -> Scan:
    best, above = TopK(len(queries), k), np.zeros(thresholds.shape, np.int64)
    for start in range(0, len(items), ITEMS):
        block = np.asarray(items[start : start + ITEMS], dtype=np.float32)
        scores = queries @ block.T
        if present is not None:
            scores[:, ~present[start : start + ITEMS]] = -np.inf
        for i in range(thresholds.shape[1]):
            above[:, i] += (scores > thresholds[:, i, None]).sum(axis=1)
        best.add(scores, start)
    order = np.lexsort((best.rows, -best.scores))
    cosines, rows = (np.take_along_axis(x, order, axis=1) for x in (best.scores, best.rows))
    return Scan(cosines, rows, above)


class TopK:
    """The k items of highest score of each query, updated with blocks of scores.

    scores, rows  (n_queries, k) descending; -inf and -1 until there are k items
    """

    def __init__(self, n_queries: int, k: int) -> None:
        self.scores = np.full((n_queries, k), -np.inf, np.float32)
        self.rows = np.full((n_queries, k), -1)

    def add(self, scores: np.ndarray, start: int) -> None:
        """Add scores (n_queries, n) of the items start, start + 1, and so on."""
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

    queries (n_queries, dim) and items (n_items, dim) have unit rows; k is at most n_items.
    """
    import faiss

    items = np.ascontiguousarray(items, dtype=np.float32)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    return faiss.knn(queries, items, min(k, len(items)), metric=faiss.METRIC_INNER_PRODUCT)  # no copy


def partner_rank(query: np.ndarray, items: np.ndarray, own: int) -> int:
    """Rank of item `own` for a query (1, dim): 1 + number of items with higher cosine; 1 = first."""
    scores = items @ query[0]
    return 1 + int((scores > scores[own] + TIE).sum())


def partner_ranks(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rank of the own partner of each row among all rows of y: (n,) of float, 1 = first.

    x, y (n, dim) unit rows, row i of both is study i. Ties are resolved in favour of the partner.
    """
    own = np.einsum("nd,nd->n", x, y)
    ranks = np.empty(len(x))
    for start in range(0, len(x), BLOCK):
        scores = x[start : start + BLOCK] @ y.T
        ranks[start : start + BLOCK] = 1 + (scores > own[start : start + BLOCK, None] + TIE).sum(axis=1)
    return ranks
