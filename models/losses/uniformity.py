"""Uniformity: spreads rows within a modality, or across modalities. Duplicates do not repel each other.

"Uniformity" is a log mean of e^(-2 d^2) here (lower = more spread) and minus a Wasserstein distance in
ModGap's metrics (higher = more spread).
"""

from __future__ import annotations

from itertools import combinations

from torch import Tensor

from suture.models.losses.features import Features, mean_or_zero
from suture.models.losses.kernels import LogMeanKernel


def uniformity(features: Features) -> Tensor:
    """Mean over modalities of U = log mean_{i<j} exp(-2 |z_i - z_j|^2); 0 = collapsed, lower = more spread.

    It spreads each modality by itself, so a gap may remain. Source: Wang & Isola 2020.
    """
    parts = [features.rows(m) for m in range(len(features.z))]
    return mean_or_zero(
        [LogMeanKernel.apply(x, None, codes) for (x,), codes in parts if len(x) > 1], features
    )


def cross_uniformity(features: Features) -> Tensor:
    """Mean over pairs of modalities of log mean_{i != j} exp(-2 |x_i - y_j|^2); lower = more spread.

    Source: Fahim et al. 2024 (CUAXU).
    """
    parts = [features.rows(a, b) for a, b in combinations(range(len(features.z)), 2)]
    return mean_or_zero([LogMeanKernel.apply(x, y, codes) for (x, y), codes in parts if len(x) > 1], features)
