"""kBET: does the neighbourhood of a row hold the modalities as the whole does?"""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np

from suture.analysis.mixing.influence import boundary_places
from suture.analysis.mixing.joint_graph import JointGraph

LEVEL = 0.05  # of the chi-square test
MIN_NEIGHBOURS, MAX_NEIGHBOURS = 10, 70


def kbet_neighbours(sizes: np.ndarray) -> int:
    """k0 of kBET: a quarter of the mean size of a modality, within 10..70."""
    return int(np.clip(sizes.mean() // 4, MIN_NEIGHBOURS, MAX_NEIGHBOURS))


def rejections(graph: JointGraph, k: int) -> np.ndarray:
    """(q,) bool: the modality counts among the k nearest differ from the shares among all rows."""
    return _rejected(_modality_counts(graph, slice(k)), graph.sizes)


def rejection_sensitivities(graph: JointGraph, k: int) -> np.ndarray:
    """(q, k): how a further neighbour of the i-th one's kind changes `rejections`.

    Counts are whole: a few neighbours of its kind come in for others from the edge, or leave for them, and
    they share the difference.
    """
    counts, at = _modality_counts(graph, slice(k)), _modality_counts(graph, boundary_places(k, graph.k))
    at = at / at.sum(axis=1, keepdims=True)
    some = math.ceil(math.sqrt(k) / 2)  # a standard deviation of how many of them are of one kind
    pulls = np.zeros(counts.shape)
    for kind, other in permutations(range(graph.kinds), 2):
        swap = np.zeros(graph.kinds)
        swap[[kind, other]] = some, -some
        more, fewer = (_rejected(counts + side * swap, graph.sizes).astype(float) for side in (1, -1))
        pulls[:, kind] += at[:, other] * (more - fewer) / (2 * some)
    return np.take_along_axis(pulls, graph.modality[graph.rows[:, :k]], axis=1)


def _modality_counts(graph: JointGraph, places: slice) -> np.ndarray:
    """(q, kinds) neighbours of each modality at these places."""
    near = graph.modality[graph.rows[:, places]]
    return np.stack([(near == kind).sum(axis=1) for kind in range(graph.kinds)], axis=1)


def _rejected(counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    from scipy.stats import chi2

    expected = counts.sum(axis=1, keepdims=True) * sizes / sizes.sum()
    return (np.square(counts - expected) / expected).sum(axis=1) > chi2.isf(LEVEL, len(sizes) - 1)
