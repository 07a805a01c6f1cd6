"""Changes of the nearest neighbours between A and B: gained and lost, study by study."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval.nearest import TIE, nearest

MAX_QUERIES = 10_000


@dataclass(frozen=True)
class NeighbourChanges:
    """Changes of the k nearest neighbours of each query study between A and B.

    rows       (m,) query studies; all, or a seeded sample
    gained     one array per query: neighbours in B but not in A; lost: the reverse; nearest first
    overlap    (m,) share of the neighbours kept: 1 - (gained + lost) / 2k; 1 = the same neighbours
    by_chance  expected overlap of two unrelated spaces: k / number of items
    note       the sample; "" if all studies are queries
    """

    k: int
    rows: np.ndarray
    gained: tuple[np.ndarray, ...]
    lost: tuple[np.ndarray, ...]
    overlap: np.ndarray
    by_chance: float
    note: str = ""


def neighbour_changes(
    a: np.ndarray,
    b: np.ndarray,
    *,
    items: tuple[np.ndarray, np.ndarray] | None = None,
    k: int = 10,
    limit: int = MAX_QUERIES,
    seed: int = 0,
) -> NeighbourChanges:
    """The neighbours by cosine of every study in two spaces over the same studies.

    a, b   (n, dim_a), (n, dim_b) rows of one modality in A and in B; the dimensions may differ
    items  rows of another modality in A and in B to search; default: the same modality, without the study
           itself
    k      at most the number of items; limit  above it, a seeded sample of studies is used as queries

    A neighbour is lost only if it is clearly farther than the k-th neighbour in the other space, so ties, as
    of equal texts, are no change. Source: mutual k-NN overlap. ValueError for different numbers of rows, or
    no items.
    """
    own = items is None
    sides = [unit_rows(z) for z in (a, b)]
    among = sides if items is None else [unit_rows(z) for z in items]
    counts = [len(z) for z in (*sides, *among)]
    if counts[0] != counts[1] or counts[2] != counts[3]:
        raise ValueError(f"Expected the same studies and items in A and B, got {counts} rows.")
    n_items = counts[2] - own
    if n_items < 1:
        raise ValueError("Expected at least 2 studies.")
    k = min(k, n_items)
    rows = np.sort(np.random.default_rng(seed).permutation(counts[0])[:limit])
    sides, among = ([z.astype(np.float32) for z in zs] for zs in (sides, among))
    near = [_near(z[rows], y, k, rows if own else None) for z, y in zip(sides, among, strict=True)]
    (list_a, edge_a), (list_b, edge_b) = near
    lost = _beyond(list_a, sides[1][rows], among[1], edge_b)
    gained = _beyond(list_b, sides[0][rows], among[0], edge_a)
    overlap = 1 - (lost.sum(axis=1) + gained.sum(axis=1)) / (2 * k)
    note = f"{len(rows):,} of {counts[0]:,} studies, seeded" if len(rows) < counts[0] else ""
    return NeighbourChanges(k, rows, _of(list_b, gained), _of(list_a, lost), overlap, k / n_items, note)


def _of(neighbours: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(items[keep] for items, keep in zip(neighbours, chosen, strict=True))


def _near(
    queries: np.ndarray, items: np.ndarray, k: int, own: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest (m, k), without the study itself, and the cosine of the last of them (m, 1)."""
    cosines, neighbours = nearest(queries, items, k=k if own is None else k + 1)
    if own is not None:
        # Remove the study itself, or the last neighbour if copies of the study hide it.
        itself = neighbours == own[:, None]
        itself[~itself.any(axis=1), -1] = True
        cosines, neighbours = (z[~itself].reshape(len(z), k) for z in (cosines, neighbours))
    return neighbours, cosines[:, -1:]


def _beyond(neighbours: np.ndarray, queries: np.ndarray, items: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Which of the items (m, k) are clearly beyond the k-th neighbour in the other space: (m, k) of bool."""
    out = np.empty(neighbours.shape, dtype=bool)
    for place in range(neighbours.shape[1]):  # one (m, dim) at a time
        out[:, place] = np.einsum("md,md->m", queries, items[neighbours[:, place]]) < edge[:, 0] - TIE
    return out
