"""Trustworthiness and continuity of a map: are neighbours on the map neighbours in the full space?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import BLOCK
from suture.analysis.math.row_stack import RowStack, as_row_stack
from suture.analysis.projection.maps import Graph
from suture.analysis.retrieval.nearest import TIE, TopK

ROWS = 2048  # measured rows at a time
MAX_ROWS = 20_000
DISTORTED = 0.9


@dataclass(frozen=True)
class Trust:
    """Both lie in 0..1, higher = better; 1 = no false or lost neighbours, 0.5 = a random map.

    trustworthiness        are the k neighbours on the map near in the full space? 1 minus the mean excess of
                           their ranks there over k, relative to the worst possible (about n_rows):
                           0.97 = on average, 3 % of all rows are nearer but drawn farther away
    continuity             the reverse: are the k true neighbours near on the map?
    per_point_trust        (n_rows,) trustworthiness of each point; NaN = not measured
    per_point_continuity   (n_rows,)
    k                      number of neighbours
    measured               number of measured rows (against all rows)
    """

    trustworthiness: float
    continuity: float
    per_point_trust: np.ndarray
    per_point_continuity: np.ndarray
    k: int
    measured: int

    def distorted(self, below: float = DISTORTED) -> np.ndarray:
        """Points with trust or continuity below the limit, (n_rows,) of bool; False if not measured."""
        return np.fmin(self.per_point_trust, self.per_point_continuity) < below

    @property
    def error(self) -> float:
        """Standard error of the trustworthiness from measuring a sample of rows; 0 if all were measured."""
        n, sampled = len(self.per_point_trust), self.measured
        if sampled in (0, n):
            return 0.0
        return float(np.nanstd(self.per_point_trust) * np.sqrt((1 - sampled / n) / sampled))


def trust(
    z: np.ndarray | RowStack,
    xy: np.ndarray,
    *,
    k: int = 15,
    limit: int = MAX_ROWS,
    seed: int = 0,
    graph: Graph | None = None,
    among: np.ndarray | None = None,
) -> Trust:
    """Trustworthiness and continuity of a map xy (n_rows, 2) of unit rows z (n_rows, dim) by cosine.

    T = 1 - 2 / (n k (2n - 3k - 1)) sum_i sum_{j in map neighbours of i} max(0, r(i, j) - k), where r is the
    rank of j by cosine with i: 1 + the rows that are strictly nearer, so ties count in favour of the map
    (cosines that differ by less than 1e-6 are equal). Among equally near neighbours at rank k the choice is
    arbitrary. `graph`: result of `nearest(z, z, k=...)` with at least k + 1 columns.
    `among`: rows to measure, default all; above `limit`, a seeded sample, against all rows. k is below n / 2;
    NaN below 3 rows. ValueError unless the numbers of rows agree. Memory O(n).
    Source: Venna and Kaski 2006, as in scikit-learn.
    """
    if len(z) != len(xy):
        raise ValueError(f"Expected one position per row, got {len(xy)} positions for {len(z)} rows.")
    n, k = len(z), min(k, (len(z) - 1) // 2)
    if k < 1:
        missing = np.full(n, np.nan)
        return Trust(np.nan, np.nan, missing, missing, k, 0)
    from scipy.spatial import cKDTree

    whole, xy = as_row_stack(z), np.asarray(xy, dtype=np.float64)
    rows = np.arange(n) if among is None else np.asarray(among)
    if len(rows) > limit:
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=limit, replace=False))
    drawn = _without_self(rows, cKDTree(xy).query(xy[rows], k=k + 1)[1], k)
    faults = np.empty((2, len(rows)))
    for start in range(0, len(rows), ROWS):
        part = slice(start, start + ROWS)
        known = None if graph is None else graph[1][rows[part]]
        faults[:, part] = _rank_excesses(whole, xy, rows[part], drawn[part], known, k)
    points = np.full((2, n), np.nan)
    points[:, rows] = 1 - faults * 2 / (k * (2 * n - 3 * k - 1))
    means = points[:, rows].mean(axis=1)
    return Trust(float(means[0]), float(means[1]), points[0], points[1], k, len(rows))


def _rank_excesses(
    z: RowStack, xy: np.ndarray, rows: np.ndarray, drawn: np.ndarray, truly: np.ndarray | None, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Summed rank excess over k of the map neighbours and of the true neighbours of some rows: (n,) each.

    Every row is read once, for the ranks by cosine and, if unknown, the true neighbours.
    """
    from suture.analysis.projection.rank_counts import count_larger

    queries = z.take(rows)
    own = np.einsum("nd,nkd->nk", queries, z.take(drawn)) + np.float32(TIE)
    further = np.zeros(drawn.shape, np.int64)
    best = TopK(len(rows), k + 1)
    for where, block in z.blocks():
        scores = queries @ block.T
        if truly is None:
            best.add(scores, where.start)
        further += count_larger(_without(rows, where, scores), own)
    near = _without_self(rows, best.rows if truly is None else truly, k)
    lost = np.zeros(near.shape, np.int64)
    at = _closeness(xy[rows, None], xy[near])
    for start in range(0, len(xy), BLOCK):
        where = slice(start, min(start + BLOCK, len(xy)))
        scores = _closeness(xy[rows, None], xy[None, where])
        lost += count_larger(_without(rows, where, scores), at)
    return _excess(further, k), _excess(lost, k)


def _excess(nearer: np.ndarray, k: int) -> np.ndarray:
    return np.maximum(0, 1 + nearer - k).sum(axis=1)


def _without(rows: np.ndarray, where: slice, scores: np.ndarray) -> np.ndarray:
    """Exclude each row from its own neighbours."""
    here = np.flatnonzero((rows >= where.start) & (rows < where.stop))
    scores[here, rows[here] - where.start] = -np.inf
    return scores


def _without_self(rows: np.ndarray, neighbours: np.ndarray, k: int) -> np.ndarray:
    """The first k neighbours of each row (n, at least k + 1) without the row itself."""
    itself = neighbours == rows[:, None]
    return np.take_along_axis(neighbours, np.argsort(itself, axis=1, kind="stable")[:, :k], axis=1)


def _closeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Negative squared distances of positions (..., 2)."""
    return -(np.square(a[..., 0] - b[..., 0]) + np.square(a[..., 1] - b[..., 1]))
