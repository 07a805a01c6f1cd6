"""Aligned maps of the same rows for two checkpoints, so that moving points show real changes.

Arbitrary differences between two maps are removed: rotation, reflection and translation. Scale is kept: the
unit of UMAP is its `min_dist`, which is equal in both, so a larger spread is real.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from suture.analysis.projection.maps import MIN_ROWS_UMAP, Graph, Map, procrustes_onto, umap


@dataclass(frozen=True)
class MapAgreement:
    """Agreement of two aligned maps; lower = more similar.

    disparity    Procrustes disparity, 0..1: the share of the spread of one map that the other does not
                 explain after rotation, reflection, translation and scaling; symmetric (as in scipy.spatial)
    moved        median distance between the two positions of a row, in units of A's radius (root mean square
                 distance from its centre), without scaling: about 1.4 = independent maps
    moves        (n_rows,) these distances. To find studies that changed, compare neighbours in the full
                 space: a map can move rows that did not change
    """

    disparity: float
    moved: float
    moves: np.ndarray


@dataclass(frozen=True)
class AlignedMaps:
    """Two maps of the same rows, B aligned to A, and their agreement."""

    a: Map
    b: Map
    agreement: MapAgreement


def map_agreement(a: np.ndarray, b: np.ndarray) -> MapAgreement:
    """Agreement of two maps of the same rows, (n_rows, 2) each, after aligning B to A.

    ValueError unless the shapes agree. NaN for maps without spread.
    """
    if np.shape(a) != np.shape(b):
        raise ValueError(f"Expected maps of equal shape, got {np.shape(a)} and {np.shape(b)}.")
    a, b = (np.asarray(m, dtype=np.float64) - np.mean(m, axis=0, dtype=np.float64) for m in (a, b))
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    if min(sizes) == 0:
        return MapAgreement(np.nan, np.nan, np.full(len(a), np.nan))
    singular = np.linalg.svd(a.T @ b, compute_uv=False)
    moves = np.linalg.norm(procrustes_onto(b, a, scale=False) - a, axis=1) * np.sqrt(len(a)) / sizes[0]
    disparity = max(0.0, 1 - (singular.sum() / (sizes[0] * sizes[1])) ** 2)
    return MapAgreement(float(disparity), float(np.median(moves)), moves)


def warm_started_umaps(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0, graphs: tuple[Graph | None, Graph | None] = (None, None)
) -> AlignedMaps:
    """UMAP of A, and UMAP of B started from the positions of A and aligned to it; costs two UMAPs.

    a (n_rows, dim), b (n_rows, other dim): unit rows, row i of both is the same study.
    """
    _same_rows(a, b)
    first = umap(a, seed=seed, graph=graphs[0])
    second = umap(b, seed=seed, graph=graphs[1], start=first.xy)
    return AlignedMaps(first, second, map_agreement(first.xy, second.xy))


def aligned_umaps(a: np.ndarray, b: np.ndarray, *, neighbours: int = 15, seed: int = 0) -> AlignedMaps:
    """AlignedUMAP: joint layout of both sets, with row i of each attracted to row i of the other.

    Rows that did not change move less than with `warm_started_umaps`, at several times its cost and up to a
    minute to compile: for up to about 10,000 rows. One thread, since AlignedUMAP on several threads ignores
    the seed. ValueError below 10 rows.
    """
    _same_rows(a, b)
    if len(a) < MIN_ROWS_UMAP:
        raise ValueError(f"UMAP needs at least {MIN_ROWS_UMAP} rows, got {len(a)}.")
    import umap as library

    model = library.AlignedUMAP(
        metric="cosine",
        n_neighbors=min(neighbours, len(a) - 1),
        random_state=seed,
        transform_seed=seed,
    )
    with _one_thread(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs")
        model.fit(
            [np.asarray(z, dtype=np.float32) for z in (a, b)], relations=[{i: i for i in range(len(a))}]
        )
    first, second = (np.asarray(xy) for xy in model.embeddings_)
    second = procrustes_onto(second, first, scale=False).astype(np.float32)
    return AlignedMaps(Map(first, "aligned"), Map(second, "aligned"), map_agreement(first, second))


def _same_rows(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) != len(b):
        raise ValueError(f"Expected the same rows for both maps, got {len(a)} and {len(b)}.")


@contextmanager
def _one_thread() -> Iterator[None]:
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)
