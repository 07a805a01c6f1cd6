"""Hubness: a few items are among the nearest of very many queries and displace the right answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap


@dataclass(frozen=True)
class Hubness:
    """How unequally items occur among the first k of all queries; N_k = number of occurrences of an item.

    hubness_skew   population skewness of N_k, mean (N - mean N)^3 / sd(N)^3; 0 = all equal
    antihub_share  share of items with N_k = 0; 0..1, lower = better
    hub_share      share of items with N_k >= 2 k, twice the mean; 0..1
    hubness_gini   sum_ij |N_i - N_j| / (2 n sum N); 0 = equal, near 1 = a few items dominate
    robin_hood     sum |N - mean N| / (2 sum N): share of places to reassign for equality; 0..1
    """

    hubness_skew: Estimate
    antihub_share: Estimate
    hub_share: Estimate
    hubness_gini: Estimate
    robin_hood: Estimate


def hubness(
    nearest: np.ndarray, n_items: int, *, k: int = 10, bootstrap: GroupBootstrap | None = None
) -> Hubness:
    """Hubs among n_items, from the nearest rows (n_queries, k) of each query. Depends on the direction.

    Intervals are over queries, gallery fixed, to first order (`GroupBootstrap.from_influence`); shares are
    step functions and have none. Source: Radovanovic et al. 2010; all but the skewness as in scikit-hubness.
    """
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(nearest)))
    counts = np.bincount(nearest.ravel(), minlength=n_items).astype(np.float64)
    if nearest.shape[1] >= n_items:
        nothing = bootstrap.undefined(
            f"The gallery has at most {k} items, so every query retrieves all of them."
        )
        return Hubness(*(nothing,) * 5)
    statistics = [_skew(counts), _gini(counts), _robin_hood(counts)]
    influence = np.stack([slope[nearest].sum(axis=1) for _, slope in statistics], axis=1) * len(nearest)
    skew, gini, robin_hood = bootstrap.from_influence(np.array([value for value, _ in statistics]), influence)
    antihubs, hubs = (
        bootstrap.without_interval(float(share.mean())) for share in (counts == 0, counts >= 2 * k)
    )
    return Hubness(skew, antihubs, hubs, gini, robin_hood)


# Each returns the value and its derivative by every N_i. All are invariant to the scale of N, so the
# influences of
# all queries sum to 0, as required.


def _skew(counts: np.ndarray) -> tuple[float, np.ndarray]:
    centred = counts - counts.mean()
    variance, third = np.square(centred).mean(), (centred**3).mean()
    if variance == 0:
        return 0.0, np.zeros(len(counts))
    slope = 3 * (np.square(centred) - variance) / variance**1.5 - 3 * third * centred / variance**2.5
    return float(third / variance**1.5), slope / len(counts)


def _gini(counts: np.ndarray) -> tuple[float, np.ndarray]:
    from scipy.stats import rankdata

    n, total = len(counts), counts.sum()
    weight = (2 * rankdata(counts) - n - 1) / (n * total)
    value = float(weight @ counts)
    return value, weight - value / total


def _robin_hood(counts: np.ndarray) -> tuple[float, np.ndarray]:
    sign = np.sign(counts - counts.mean())
    weight = (sign - sign.mean()) / (2 * counts.sum())
    value = float(weight @ counts)
    return value, weight - value / counts.sum()


def hubness_skew(queries: np.ndarray, gallery: np.ndarray, *, k: int = 10) -> float:
    """Population skewness of N_k over the gallery: mean (N - mean N)^3 / sd(N)^3.

    Higher = a few hubs dominate; 0 = all items equally frequent. Across modalities it depends on the
    direction: measure both. Source: Radovanovic et al. 2010, biased as in scikit-hubness.
    """
    return _skew(occurrences(queries, gallery, k=k).astype(np.float64))[0]


def antihub_share(queries: np.ndarray, gallery: np.ndarray, *, k: int = 10) -> float:
    """Share of the gallery that is among the first k of no query; 0..1, lower = better."""
    return float((occurrences(queries, gallery, k=k) == 0).mean())


def occurrences(queries: np.ndarray, gallery: np.ndarray, *, k: int = 10) -> np.ndarray:
    """N_k: number of queries that have each item among their first k, (n_gallery,) of int.

    queries (n_queries, dim), gallery (n_gallery, dim). Equal items are in gallery order, independent
    of rounding; k is at most n_gallery. ValueError for rows without direction.
    """
    from suture.analysis.retrieval.distinct_rows import distinct_rows
    from suture.analysis.retrieval.engine import search

    nearest = search(distinct_rows(queries), distinct_rows(gallery), forward=[], k=k)[0].nearest
    return np.bincount(nearest.ravel(), minlength=len(gallery))
