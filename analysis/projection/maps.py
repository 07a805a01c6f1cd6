"""PCA and UMAP in two dimensions, with all modalities in one space so that the gap is visible."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from suture.analysis.math.row_stack import RowStack, as_row_stack
from suture.analysis.retrieval.nearest import nearest

MIN_ROWS_UMAP = 10
LARGE_MAP = 10_000
Graph = tuple[np.ndarray, np.ndarray]  # cosines and rows, as `nearest(z, z, k=k)` gives them


@dataclass(frozen=True)
class Map:
    """xy: (n_rows, 2) float32, or (n_moments, n_rows, 2) for several moments.
    explained: share of variance of each axis (PCA) or empty.
    """

    xy: np.ndarray
    method: str
    explained: tuple[float, ...] = ()


def pca(z: np.ndarray | RowStack) -> Map:
    """The two directions of largest variance of all rows together, z (n_rows, dim).

    With a gap, the first axis is usually the gap itself. Signs are fixed so that the largest
    loading of each axis is positive: equal data give equal maps. Rows are read in float32 blocks and summed
    in float64.
    """
    rows = as_row_stack(z)
    middle = sum(block.sum(axis=0, dtype=np.float64) for _, block in rows.blocks()) / len(rows)
    centre = np.asarray(middle, np.float32)
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for _, block in rows.blocks():
        centred = block - centre
        covariance += centred.T @ centred
    axes, explained = principal_directions(covariance / len(rows))
    xy = np.empty((len(rows), 2), np.float32)
    for where, block in rows.blocks():
        xy[where] = (block - centre) @ axes
    return Map(xy, "pca", explained)


def pca_common(stacks: Sequence[np.ndarray]) -> Map:
    """PCA in one common plane for several moments of the same rows, e.g. training epochs.

    stacks: one (n_rows, dim) array per moment, a row of zeros = missing. The two directions of largest
    variance of all moments together; xy is (n_moments, n_rows, 2), NaN where missing. A common drift
    during training counts as variance too. One moment at a time is in double precision. ValueError if all
    rows are missing.
    """
    present = [np.any(np.asarray(z) != 0, axis=1) for z in stacks]
    count = int(sum(t.sum() for t in present))
    if not count:
        raise ValueError("Expected at least one row that is not zero, got none.")

    def rows() -> Iterator[np.ndarray]:
        return (np.asarray(z, dtype=np.float64)[t] for z, t in zip(stacks, present, strict=True))

    mean = sum(z.sum(axis=0) for z in rows()) / count
    axes, explained = principal_directions(sum((z - mean).T @ (z - mean) for z in rows()) / count)
    xy = np.full((len(stacks), len(present[0]), 2), np.nan, dtype=np.float32)
    for moment, (z, t) in enumerate(zip(rows(), present, strict=True)):
        xy[moment, t] = (z - mean) @ axes
    return Map(xy, "pca", explained)


def principal_directions(covariance: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]]:
    """The two directions of largest variance, (dim, 2), and their shares of the variance."""
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    explained = values[::-1][:2] / max(values.sum(), 1e-300)
    return axes, tuple(map(float, explained))


def umap(
    z: np.ndarray,
    *,
    neighbours: int = 15,
    seed: int = 0,
    start: np.ndarray | None = None,
    graph: Graph | None = None,
    epochs: int | None = None,
) -> Map:
    """UMAP of all rows together on an exact cosine neighbour graph; z has unit rows.

    Seeded, hence single-threaded and reproducible. `start` (n_rows, 2) warm-starts the layout from the map of
    another checkpoint, and the result is aligned to it without scaling. `graph`: result of
    `nearest(z, z, k=...)` with at least `neighbours` columns, if available. `epochs`: 200,
    or 100 above 10,000 rows: umap-learn's own 500 and 200 raise trustworthiness by less than 0.005
    (`python -m benchmarks.maps`). Takes seconds to compile: call it in a worker. ValueError below 10 rows.
    """
    if len(z) < MIN_ROWS_UMAP:
        raise ValueError(f"UMAP needs at least {MIN_ROWS_UMAP} rows, got {len(z)}.")
    import umap as library

    neighbours = min(neighbours, len(z) - 1)
    neighbour_graph = graph or nearest(z, z, k=neighbours)
    cosines, rows = (
        np.ascontiguousarray(a[:, :neighbours]) for a in neighbour_graph
    )  # another memory layout would compile again
    model = library.UMAP(
        metric="cosine",
        n_neighbors=neighbours,
        precomputed_knn=(rows, np.maximum(0, 1 - cosines)),
        init="pca" if start is None else _scaled(start),
        n_epochs=epochs or (200 if len(z) <= LARGE_MAP else 100),
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn")  # `place` is for new points
        warnings.filterwarnings("ignore", message="n_jobs")  # a seed means one thread
        xy = model.fit_transform(np.asarray(z, dtype=np.float32))
    return Map((xy if start is None else procrustes_onto(xy, start, scale=False)).astype(np.float32), "umap")


def procrustes_onto(xy: np.ndarray, target: np.ndarray, *, scale: bool = True) -> np.ndarray:
    """Rotate, reflect, translate and, with `scale`, scale a map onto another map of the same rows.

    Least squares (orthogonal Procrustes), float64. Without `scale`, distances are unchanged.
    """
    a, b = xy - xy.mean(axis=0, dtype=np.float64), target - target.mean(axis=0, dtype=np.float64)
    u, singular, v = np.linalg.svd(a.T @ b)
    size = singular.sum() / max(np.square(a).sum(), 1e-300) if scale else 1.0
    return size * a @ (u @ v) + target.mean(axis=0, dtype=np.float64)


def _scaled(start: np.ndarray) -> np.ndarray:
    """UMAP expects a start between 0 and 10."""
    low, high = start.min(axis=0), start.max(axis=0)
    return (10 * (start - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
