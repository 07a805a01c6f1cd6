"""How a study pulls at a mean over neighbourhoods: by its rows that ask, and by its rows that are found.

The mean over rows of a function of their k nearest changes in two ways where a study weighs more. Its own
rows count more. And in the lists of others its rows take more room, so that what stands at the k-th place
drops out: the second part is as large as the first, and an interval that holds the graph is too narrow.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from suture.analysis.mixing.joint_graph import JointGraph
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

BOUNDARY_FRACTION = (
    3  # the k-th place is told by k / 3 places before and after it: one place alone is mostly chance
)


def boundary_places(k: int, places: int) -> slice:
    """The places about the end of the first k, of all places that there are."""
    return slice(max(k - k // BOUNDARY_FRACTION - 1, 0), min(k + k // BOUNDARY_FRACTION + 1, places))


def mean_with_interval(
    graph: JointGraph,
    values: np.ndarray,
    pulls: np.ndarray,
    bootstrap: GroupBootstrap | None,
    *,
    by_kind: bool,
    scale: float = 1,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Estimate:
    """The mean of the values of all rows that ask, NaN left out, with its interval.

    values   (q,); by_kind: each modality weighs alike, else each row
    pulls    (q, k): by how much the value of a row changes for a further row like its i-th neighbour
    scale    divides value and interval

    Where a sample of studies asks, all studies are drawn anew, found through the rows that ask; n stays
    the sample.
    """
    draws = graph.query_bootstrap(bootstrap)
    value, influence = mean_and_influence(graph, values, pulls, by_kind=by_kind)
    whole = bootstrap or GroupBootstrap(np.arange(graph.n_studies))
    (estimate,) = whole.from_influence(np.array([value / scale]), influence / scale, bounds=bounds)
    return graph.with_sample_note(replace(estimate, n=draws.n, n_groups=draws.n_groups))


def mean_and_influence(
    graph: JointGraph, values: np.ndarray, pulls: np.ndarray, *, by_kind: bool
) -> tuple[float, np.ndarray]:
    """The mean of the values, and the influence of each study on it, (n_studies,), mean 0.

    Arguments as in `mean_with_interval`.
    """
    known = np.isfinite(values)
    kind = graph.modality[graph.queries] if by_kind else np.zeros(len(values), int)
    counts = np.bincount(kind, known)
    share = known / (counts * len(counts))[kind]
    means = np.bincount(kind, np.where(known, values, 0)) / counts
    n, own = graph.n_studies, graph.study[graph.queries]
    asks = np.bincount(own, share * np.where(known, values - means[kind], 0), minlength=n)
    found = graph.study[graph.rows[:, : pulls.shape[1]]]
    others = known[:, None] & (found != own[:, None])  # the own partner is there once, whoever is drawn
    weighed = np.where(others, share[:, None] * pulls, 0)
    total = n * (asks + np.bincount(found.ravel(), weighed.ravel(), minlength=n))
    rows = np.bincount(graph.study, minlength=n)
    total -= total.sum() * rows / rows.sum()
    asking = np.broadcast_to(own[:, None], found.shape)
    return float(means.mean()), without_double_counting(
        total, asking.ravel(), found.ravel(), n * weighed.ravel()
    )


def without_double_counting(
    influence: np.ndarray, asking: np.ndarray, found: np.ndarray, pulls: np.ndarray
) -> np.ndarray:
    """The influence (n_studies,), scaled so that the chance of who finds whom does not count twice.

    asking, found, pulls  (e,): of each study on the list of another, in the units of the influence

    What two studies do to each other is in the influence of both. Its variance, the sum over pairs of their
    squared pulls, is taken out once; it is half of the whole at most.
    """
    n = len(influence)
    pairs, which = np.unique(np.minimum(asking, found) * n + np.maximum(asking, found), return_inverse=True)
    twice = np.square(np.bincount(which.ravel(), pulls, minlength=len(pairs))).sum()
    whole = np.square(influence).sum()
    return influence * np.sqrt(max(1 - twice / whole, 0.5)) if whole else influence
