"""LISI: effective number of modalities in the weighted neighbourhood of a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.mixing.influence import boundary_places


@dataclass(frozen=True)
class Lisi:
    """LISI = 1 / sum_c p_c^2 of each row, and its inputs.

    values     (q,): 1 = a single modality, up to the number of modalities
    weights    (q, k) of the neighbours, rows of sum 1, exp(-beta d); beta  (q,)
    distances  (q, k); modality  (q, k) of the neighbours; shares  (q, n_modalities), p_c
    """

    values: np.ndarray
    weights: np.ndarray
    beta: np.ndarray
    distances: np.ndarray
    modality: np.ndarray
    shares: np.ndarray

    def sensitivities(self) -> np.ndarray:
        """(q, k): change of a row's value if one more row like its i-th neighbour replaces one at the
        boundary.

        The added row has the weight of its copy, and beta changes so that log Z + beta mean d is constant.
        """
        p, beta = self.weights, self.beta[:, None]
        away = self.distances - (p * self.distances).sum(axis=1, keepdims=True)
        spread = beta * (p * away**2).sum(axis=1, keepdims=True)
        free = beta * spread > 1e-12  # else all weighted neighbours are equally near, and beta has no effect
        faster = np.where(free, p * (1 + beta * away) / np.where(free, spread, 1), 0)
        slope = np.zeros(p.shape)
        for kind, share in enumerate(self.shares.T):
            of_kind, share = self.modality == kind, share[:, None]
            lost = (p * of_kind * away).sum(axis=1, keepdims=True)
            slope -= 2 * share * (p * (of_kind - share) - faster * lost)
        slope *= self.values[:, None] ** 2
        k = p.shape[1]
        return slope - slope[:, boundary_places(k, k)].mean(axis=1, keepdims=True)


def lisi(distances: np.ndarray, modality: np.ndarray, n_modalities: int, perplexity: int) -> Lisi:
    """LISI of rows with neighbours at distances (q, k), ascending, of modality (q, k).

    beta is such that the entropy of the weights is log(perplexity). If too many neighbours are equally near
    to reach it, they have equal weights. Source: Korsunsky et al. 2019.
    """
    from suture.analysis.mixing.kernels import weights_of

    weights, beta = weights_of(distances, perplexity)
    shares = np.stack(
        [np.where(modality == kind, weights, 0).sum(axis=1) for kind in range(n_modalities)], axis=1
    )
    return Lisi(1 / np.square(shares).sum(axis=1), weights, beta, distances, modality, shares)
