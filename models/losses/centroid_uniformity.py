"""Centroid uniformity: spreads the centroids of the studies. Duplicates do not repel each other."""

from __future__ import annotations

from torch import Tensor

from suture.models.losses.features import Features
from suture.models.losses.kernels import LogMeanKernel


def centroid_uniformity(features: Features) -> Tensor:
    """L_CU: log mean_{i<j} exp(-2 |mu_i - mu_j|^2), mu_i = unit(mean_m z_i^m); lower = more spread.

    0 = all studies at one point; about -4 when spread in many dimensions. It moves whole studies, not
    their modalities against each other. Studies with fewer than two modalities do not count.

    This is the form of the released code (ModGap); the paper's, log (1/N) sum_i sum_{j != i} ..., is larger
    by log(N - 1) and has the same gradient.
    """
    means, codes = features.centroids()
    return LogMeanKernel.apply(means, None, codes)
