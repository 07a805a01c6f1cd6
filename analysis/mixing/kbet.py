"""kBET: does the neighbourhood of a row have the same mix of modalities as the whole set?"""

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
    """(q, k): change of `rejections` if one more neighbour of the modality of the i-th one is added.

    Counts are integers, so the derivative is a finite difference: several neighbours of that modality replace
    others at the boundary, or are replaced by them.
    """
    counts, at = _modality_counts(graph, slice(k)), _modality_counts(graph, boundary_places(k, graph.k))
    at = at / at.sum(axis=1, keepdims=True)
    delta = math.ceil(math.sqrt(k) / 2)  # about one standard deviation of the count of one modality
    sensitivities = np.zeros(counts.shape)
    for kind, other in permutations(range(graph.n_modalities), 2):
        swap = np.zeros(graph.n_modalities)
        swap[[kind, other]] = delta, -delta
        more, fewer = (_rejected(counts + side * swap, graph.sizes).astype(float) for side in (1, -1))
        sensitivities[:, kind] += at[:, other] * (more - fewer) / (2 * delta)
    return np.take_along_axis(sensitivities, graph.modality[graph.rows[:, :k]], axis=1)


def _modality_counts(graph: JointGraph, places: slice) -> np.ndarray:
    """(q, n_modalities) number of neighbours of each modality at these ranks."""
    near = graph.modality[graph.rows[:, places]]
    return np.stack([(near == kind).sum(axis=1) for kind in range(graph.n_modalities)], axis=1)


def _rejected(counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    from scipy.stats import chi2

    expected = counts.sum(axis=1, keepdims=True) * sizes / sizes.sum()
    return (np.square(counts - expected) / expected).sum(axis=1) > chi2.isf(LEVEL, len(sizes) - 1)
