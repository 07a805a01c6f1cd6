"""What a map tells truly: are points that lie together near in the full space, and the other way round?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.neighbours import TIE, nearest
from analysis.projection.maps import Graph

BLOCK = 256
LIMIT = 20_000
DISTORTED = 0.9


@dataclass(frozen=True)
class Trust:
    """Both lie in 0..1, higher = better; 1 = no false or lost neighbour at all, 0.5 = a map by chance.

    trustworthiness        are the k neighbours on the map near in the full space? 1 minus what their
                           ranks there exceed k by, on average, as a share of the worst possible (about
                           n_rows): 0.97 = on average, 3 % of all rows are nearer and drawn further off
    continuity             the same the other way round: are the k true neighbours near on the map?
    per_point_trust        (n_rows,) the same of each point, with the mean above; NaN = not measured
    per_point_continuity   (n_rows,)
    k                      neighbours that were looked at
    measured               rows that were measured (against all)
    """

    trustworthiness: float
    continuity: float
    per_point_trust: np.ndarray
    per_point_continuity: np.ndarray
    k: int
    measured: int

    def distorted(self, below: float = DISTORTED) -> np.ndarray:
        """Points of which one of both is below that, (n_rows,) of bool; a point not measured is not."""
        return np.fmin(self.per_point_trust, self.per_point_continuity) < below

    @property
    def error(self) -> float:
        """Standard error of the trustworthiness from measuring a sample of rows; 0 = all were measured."""
        n, sampled = len(self.per_point_trust), self.measured
        if sampled in (0, n):
            return 0.0
        return float(np.nanstd(self.per_point_trust) * np.sqrt((1 - sampled / n) / sampled))


def trust(
    z: np.ndarray,
    xy: np.ndarray,
    *,
    k: int = 15,
    limit: int = LIMIT,
    seed: int = 0,
    graph: Graph | None = None,
) -> Trust:
    """Trustworthiness and continuity of a map xy (n_rows, 2) of unit rows z (n_rows, dim) by cosine.

    T = 1 - 2 / (n k (2n - 3k - 1)) sum_i sum_{j in map neighbours of i} max(0, r(i, j) - k), where r is the
    rank of j by cosine with i: 1 + the rows that are strictly nearer, so equal ones count in the map's
    favour (cosines that differ by less than 1e-6 are equal). Of equally near neighbours at place k, which
    one is looked at is arbitrary. `graph`: what `nearest(z, z, k=...)` gave, with k + 1 or more columns.
    Above `limit` rows a seeded sample is measured, against all rows. k is cut below n / 2; all is NaN
    below 3 rows. ValueError unless the numbers of rows agree. Memory O(n). Source: Venna and Kaski 2006,
    as in scikit-learn.
    """
    if len(z) != len(xy):
        raise ValueError(f"A map needs one place per row, got {len(xy)} places for {len(z)} rows.")
    n, k = len(z), min(k, (len(z) - 1) // 2)
    if k < 1:
        missing = np.full(n, np.nan)
        return Trust(np.nan, np.nan, missing, missing, k, 0)
    z, xy = np.ascontiguousarray(z, dtype=np.float32), np.asarray(xy, dtype=np.float64)
    rows = np.arange(n)
    if n > limit:
        rows = np.sort(np.random.default_rng(seed).choice(n, size=limit, replace=False))
    truly = nearest(z[rows], z, k=k + 1)[1] if graph is None else graph[1][rows]
    faults = [
        _excess(rows, _others(rows, _near_on_map(xy, rows, k), k), lambda i: z[i] @ z.T, k, TIE),
        _excess(rows, _others(rows, truly, k), lambda i: _closeness(xy[i], xy), k, 0),
    ]
    points = np.full((2, n), np.nan)
    points[:, rows] = 1 - np.asarray(faults) * 2 / (k * (2 * n - 3 * k - 1))
    means = points[:, rows].mean(axis=1)
    return Trust(float(means[0]), float(means[1]), points[0], points[1], k, len(rows))


def _excess(
    rows: np.ndarray, others: np.ndarray, scores_of: Callable[[np.ndarray], np.ndarray], k: int, tie: float
) -> np.ndarray:
    """Sum over each row's neighbours of what their rank by score exceeds k by, (len(rows),)."""
    from analysis.projection.counting import larger

    excess = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        scores = scores_of(rows[block])
        scores[np.arange(len(scores)), rows[block]] = -np.inf  # a row is no neighbour of itself
        own = np.take_along_axis(scores, others[block], axis=1)
        ranks = 1 + larger(scores, own + scores.dtype.type(tie))
        excess[block] = np.maximum(0, ranks - k).sum(axis=1)
    return excess


def _others(rows: np.ndarray, found: np.ndarray, k: int) -> np.ndarray:
    """The first k of each row's neighbours (n, k + 1 or more) that are not the row itself."""
    itself = found == rows[:, None]
    return np.take_along_axis(found, np.argsort(itself, axis=1, kind="stable")[:, :k], axis=1)


def _near_on_map(xy: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    from scipy.spatial import cKDTree

    return cKDTree(xy).query(xy[rows], k=k + 1)[1]


def _closeness(places: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Minus the squared distances, (n_places, n_rows)."""
    from scipy.spatial.distance import cdist

    distances = cdist(places, xy, "sqeuclidean")
    return np.negative(distances, out=distances)
