"""Alignment: pulls the modalities of a study together.

"Alignment" is a squared distance here (lower = closer) and a cosine in AlignCLIP.
"""

from __future__ import annotations

from torch import Tensor

from suture.models.losses.features import Features, mean_or_zero


def align_true_pairs(features: Features, *, anchor: int) -> Tensor:
    """L_ATP: mean over the other modalities of mean_i |z_i - a_i|^2, a the anchor; 0..4, lower = closer.

    Minimised alone it collapses everything to one point. Modalities that share no study with the anchor do
    not count. Source: Grassucci et al. 2026.
    """
    pairs = [features.rows(m, anchor)[0] for m in range(len(features.z)) if m != anchor]
    return mean_or_zero([(x - a).square().sum(dim=1).mean() for x, a in pairs if len(x)], features)
