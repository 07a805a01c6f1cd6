"""Recall at k as a curve over all k; R@1, R@5 and R@10 are three of its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval.scores import KS, mean_scores
from suture.analysis.retrieval.tied_ranks import Ranks
from suture.analysis.statistics.bootstrap import GroupBootstrap

POINTS = 60  # values of k, evenly spaced on a logarithmic axis


@dataclass(frozen=True)
class RankCurve:
    """Recall against k, from 1 to the whole gallery; higher = better. All (n_points,).

    k          ranks, ascending
    recall     share of queries with a right answer among the first k; ties by expectation
    low, high  pointwise 95 % interval over groups, NaN with too few groups
    chance     expected recall of a gallery in random order
    """

    k: np.ndarray
    recall: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: np.ndarray


def rank_curve(
    ranks: Ranks,
    groups: np.ndarray,
    gallery: int,
    *,
    right: np.ndarray | int = 1,
    points: int = POINTS,
    resamples: int = 1000,
    seed: int = 0,
) -> RankCurve:
    """Recall at k for k from 1 to the gallery, evenly on a logarithmic axis.

    ranks    rank of the best right answer of each query, (n_queries,)
    groups   (n_queries,) resampling unit of the queries; the gallery stays fixed
    gallery  number of items
    right    number of right answers of each query, (n_queries,) or one number; affects only the chance level

    Equals `Retrieval.recall` at the k of both. ValueError for an empty gallery or other lengths.
    """
    n = len(ranks.above)
    if gallery < 1 or len(groups) != n:
        raise ValueError(f"Expected one group per query and a gallery, got {len(groups)}, {n}, {gallery}.")
    ks = curve_places(gallery, points)
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    estimates = mean_scores({str(k): ranks.hit(k) for k in ks}, bootstrap=bootstrap)
    recall, low, high = np.array([(e.value, e.low, e.high) for e in estimates.values()]).T
    all_tied = Ranks(np.zeros(n, int), np.full(n, gallery), np.broadcast_to(np.asarray(right), n))
    chance = np.array([all_tied.hit(k).mean() for k in ks])
    return RankCurve(np.array(ks), recall, low, high, chance)


def curve_places(gallery: int, points: int = POINTS) -> list[int]:
    """Integers from 1 to the gallery size, evenly on a logarithmic axis, and the reported k."""
    spread = np.rint(np.geomspace(1, gallery, points)).astype(int)
    return sorted({*spread.tolist(), *(k for k in KS if k <= gallery)})
