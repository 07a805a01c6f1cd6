"""Exact nearest neighbours by cosine, with faiss."""

from __future__ import annotations

import numpy as np


def nearest(queries: np.ndarray, items: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k items of highest cosine for each query: (cosines, rows), both (n_queries, k).

    queries (n_queries, dim) and items (n_items, dim) have unit rows; k is cut to n_items.
    """
    import faiss

    items = np.ascontiguousarray(items, dtype=np.float32)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    return index.search(queries, min(k, len(items)))
