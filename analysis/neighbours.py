"""Exact nearest neighbours by cosine, with faiss."""

from __future__ import annotations

import numpy as np

TIE = 1e-6  # float32 cosines that differ by less are equal
BLOCK = 1024


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
