"""UMAP for large sets: lay out a seeded sample, and place every other row by its neighbours in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from suture.analysis.math.row_stack import RowStack, as_row_stack
from suture.analysis.projection.maps import umap
from suture.analysis.projection.placement import weighted_places
from suture.analysis.retrieval.nearest import nearest

SAMPLE = 50_000
LINKS, BUILD, SEARCH = 16, 60, 64  # HNSW parameters: M, efConstruction, efSearch
RECALL_ROWS = 1_000  # rows for which the recall of the index is measured


@dataclass(frozen=True)
class SampledMap:
    """A map of all rows, of which a sample was laid out by UMAP.

    xy        (n_rows, 2) float32
    laid_out  (n_sample,) ascending rows laid out by UMAP; all others were placed
    recall    recall of the approximate neighbour search against exact search, over a seeded sample of rows;
              1 = all
    """

    xy: np.ndarray
    laid_out: np.ndarray
    recall: float


def sampled_rows(n: int, *, sample: int = SAMPLE, seed: int = 0) -> np.ndarray:
    """The rows of n to lay out, ascending; equal for every set of the same rows."""
    return np.sort(np.random.default_rng(seed).choice(n, size=min(sample, n), replace=False))


def sampled_umap(
    z: np.ndarray | RowStack,
    *,
    sample: int = SAMPLE,
    neighbours: int = 15,
    seed: int = 0,
    start: np.ndarray | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> SampledMap:
    """UMAP of a seeded sample of unit rows z (n_rows, dim); the other rows are placed on that map.

    Each other row is placed at the weighted mean position of its nearest `neighbours` in the sample (as in
    `place`), found by HNSW, which is approximate: see `recall`. Memory: the sample and one block of rows.
    `start` (n_rows, 2) is another map of the same rows to start from, as in `umap`.
    """
    whole = as_row_stack(z)
    rows = sampled_rows(len(whole), sample=sample, seed=seed)
    known = whole.take(rows)
    laid = umap(known, neighbours=neighbours, seed=seed, start=None if start is None else start[rows])
    progress(0.5)
    index = _graph(known)
    xy = np.empty((len(whole), 2), np.float32)
    for where, block in whole.blocks():
        cosines, neighbour_rows = index.search(block, neighbours)
        xy[where] = weighted_places(cosines, laid.xy[neighbour_rows])[0]
        progress(0.5 + 0.5 * where.stop / len(whole))
    xy[rows] = laid.xy
    return SampledMap(xy, rows, _recall(index, known, whole, neighbours, seed))


def _graph(known: np.ndarray) -> Any:
    import faiss

    index = faiss.IndexHNSWFlat(known.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = BUILD, SEARCH
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # with several threads the index is not reproducible
    try:
        index.add(known)
    finally:
        faiss.omp_set_num_threads(threads)
    return index


def _recall(index: Any, known: np.ndarray, whole: RowStack, k: int, seed: int) -> float:
    queries = whole.take(sampled_rows(len(whole), sample=RECALL_ROWS, seed=seed + 1))
    approximate, exact = index.search(queries, k)[1], nearest(queries, known, k=k)[1]
    return float((approximate[:, :, None] == exact[:, None]).any(axis=2).mean())
