"""Influence of a study on a mean over neighbourhoods, as a query and as a neighbour of others.

The mean over rows of a function of their k nearest neighbours depends on the weight of a study in two ways:
its own rows count more, and its rows take more room in the neighbour lists of other rows, so that the k-th
neighbour drops out. The second part is as large as the first, so an interval with a fixed graph is too
narrow.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from suture.analysis.mixing.joint_graph import JointGraph
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

BOUNDARY_FRACTION = (
    3  # the boundary at k is averaged over k / 3 ranks before and after it, since one rank is noisy
)


def boundary_places(k: int, places: int) -> slice:
    """The ranks around the boundary at k, within all available ranks."""
    return slice(max(k - k // BOUNDARY_FRACTION - 1, 0), min(k + k // BOUNDARY_FRACTION + 1, places))


def mean_with_interval(
    graph: JointGraph,
    values: np.ndarray,
    sensitivities: np.ndarray,
    bootstrap: GroupBootstrap | None,
    *,
    by_modality: bool,
    scale: float = 1,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """The mean of the values over all query rows, NaN left out, with its interval.

    values         (q,); by_modality: modalities have equal weights, else rows have
    sensitivities  (q, k): change of the value of a row if one more row like its i-th neighbour is added
    scale          divides value and interval

    If a sample of studies is used as queries, all studies are still resampled as neighbours; n is the sample.
    """
    draws = graph.query_bootstrap(bootstrap)
    value, influence = mean_and_influence(graph, values, sensitivities, by_modality=by_modality)
    whole = bootstrap or GroupBootstrap(np.arange(graph.n_studies))
    (estimate,) = whole.from_influence(np.array([value / scale]), influence / scale, bounds=bounds)
    return graph.with_sample_note(replace(estimate, n=draws.n, n_groups=draws.n_groups))


def mean_and_influence(
    graph: JointGraph, values: np.ndarray, sensitivities: np.ndarray, *, by_modality: bool
) -> tuple[float, np.ndarray]:
    """The mean of the values, and the influence of each study on it, (n_studies,), mean 0.

    Arguments as in `mean_with_interval`.
    """
    known = np.isfinite(values)
    kind = graph.modality[graph.queries] if by_modality else np.zeros(len(values), int)
    counts = np.bincount(kind, known)
    share = known / (counts * len(counts))[kind]
    means = np.bincount(kind, np.where(known, values, 0)) / counts
    n, own = graph.n_studies, graph.study[graph.queries]
    as_query = np.bincount(own, share * np.where(known, values - means[kind], 0), minlength=n)
    neighbours = graph.study[graph.rows[:, : sensitivities.shape[1]]]
    others = known[:, None] & (neighbours != own[:, None])  # the own partner occurs once in every resample
    weighed = np.where(others, share[:, None] * sensitivities, 0)
    total = n * (as_query + np.bincount(neighbours.ravel(), weighed.ravel(), minlength=n))
    rows = np.bincount(graph.study, minlength=n)
    total -= total.sum() * rows / rows.sum()
    query_rows = np.broadcast_to(own[:, None], neighbours.shape)
    return float(means.mean()), without_double_counting(
        total, query_rows.ravel(), neighbours.ravel(), n * weighed.ravel()
    )


def without_double_counting(
    influence: np.ndarray, query_rows: np.ndarray, neighbours: np.ndarray, sensitivities: np.ndarray
) -> np.ndarray:
    """The influence (n_studies,), scaled down because each neighbour relation is counted in two studies.

    query_rows, neighbours, sensitivities  (e,): each relation between two studies, in units of the influence

    The effect of two studies on each other is part of the influence of both. Its variance, the sum over
    pairs of squared sensitivities, is subtracted once; at most half of the total variance.
    """
    n = len(influence)
    pairs, which = np.unique(
        np.minimum(query_rows, neighbours) * n + np.maximum(query_rows, neighbours), return_inverse=True
    )
    twice = np.square(np.bincount(which.ravel(), sensitivities, minlength=len(pairs))).sum()
    whole = np.square(influence).sum()
    return influence * np.sqrt(max(1 - twice / whole, 0.5)) if whole else influence
