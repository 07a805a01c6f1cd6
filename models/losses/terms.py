"""Terms that pull partners together or spread rows apart. All of unit rows; duplicates do not repel.

Names that collide: "alignment" is a squared distance here (lower = closer) and a cosine in AlignCLIP;
"uniformity" is a log mean of e^(-2 d^2) here (lower = more spread) and minus a Wasserstein distance in
ModGap's metrics (higher = more spread).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from suture.models.losses.features import Features
from suture.models.losses.kernels import LogMeanKernel


def align_true_pairs(features: Features, *, anchor: int) -> Tensor:
    """L_ATP: mean over the other modalities of mean_i |z_i - a_i|^2, a the anchor; 0..4, lower = closer.

    Alone it collapses everything to one point. Modalities that share no study with the anchor do not
    count. Source: Grassucci et al. 2026.
    """
    pairs = [features.rows(m, anchor)[0] for m in range(len(features.z)) if m != anchor]
    return _mean([(x - a).square().sum(dim=1).mean() for x, a in pairs if len(x)], features)


def centroid_uniformity(features: Features) -> Tensor:
    """L_CU: log mean_{i<j} exp(-2 |mu_i - mu_j|^2), mu_i = unit(mean_m z_i^m); lower = more spread.

    0 = all studies at one point; about -4 when spread in many dimensions. It moves whole studies, not
    their modalities against each other. This is the form of the released code (ModGap); the paper's,
    log (1/N) sum_i sum_{j != i} ..., is larger by log(N - 1), with the same gradient. Over studies with
    two modalities or more.
    """
    means, codes = features.centroids()
    return LogMeanKernel.apply(means, None, codes)


def uniformity(features: Features) -> Tensor:
    """Mean over modalities of U = log mean_{i<j} exp(-2 |z_i - z_j|^2); 0 = collapsed, lower = more spread.

    It spreads each modality by itself: a gap may stay. Source: Wang & Isola 2020.
    """
    parts = [features.rows(m) for m in range(len(features.z))]
    return _mean([LogMeanKernel.apply(x, None, codes) for (x,), codes in parts if len(x) > 1], features)


def cross_uniformity(features: Features) -> Tensor:
    """Mean over pairs of modalities of log mean_{i != j} exp(-2 |x_i - y_j|^2); lower = more spread.

    Source: Fahim et al. 2024 (CUAXU).
    """
    parts = [features.rows(a, b) for a, b in combinations(range(len(features.z)), 2)]
    return _mean([LogMeanKernel.apply(x, y, codes) for (x, y), codes in parts if len(x) > 1], features)


def intra_modality(
    features: Features, *, anchor: int, scale: Tensor, semantics: Tensor | None = None
) -> Tensor:
    """Mean over modalities of CE(s A, diagonal), A_ij = <x_i, x_j> (1 - <c_i, c_j>), A_ii = <x_i, y_i>.

    Keeps studies of different meaning apart within a modality; lower = further. y_i: the study's other
    modality (the mean cosine, where there are several). c: unit sentence embeddings, `semantics` (B, dim).
    AlignCLIP (Eslami & de Melo 2025) takes them from a frozen SBERT; without `semantics` the batch's own
    anchor features stand in, without gradient, which is not the same: early on they know little.

    AlignCLIP minimises (CE_xy + CE_yx) + 0.5 (CE_x + CE_y) = 2 contrastive + this mean, for two
    modalities. A weight of 0.5 here is therefore half of its loss.
    """
    meanings = features.z[anchor].detach() if semantics is None else semantics.to(features.z)
    known = features.present[anchor] if semantics is None else torch.ones_like(features.present[anchor])
    losses = []
    for m in range(len(features.z)):
        partners = features.present.sum(dim=0) - features.present[m].long()
        there = features.present[m] & known & (partners > 0)
        if there.sum() > 1:
            own = _partner_cosine(features, m)[there]
            x, c = features.z[m][there], meanings[there]
            losses.append(_separation(x, c, own, scale))
    return _mean(losses, features)


def _partner_cosine(features: Features, modality: int) -> Tensor:
    """(B,) mean cosine of each study's row with its rows of the other modalities; 0 without any."""
    z = torch.where(features.present[..., None], features.z, 0)
    others = [m for m in range(len(z)) if m != modality]
    cosines = (z[others] * z[modality]).sum(dim=-1)
    return cosines.sum(dim=0) / features.present[others].sum(dim=0).clamp(min=1)


def _separation(x: Tensor, meanings: Tensor, own: Tensor, scale: Tensor) -> Tensor:
    """Cross entropy of the rows of s A: mean_i softplus(log sum_{j != i} exp(s A_ij) - s A_ii)."""
    weights = (meanings @ meanings.T).neg_().add_(1)
    self_ = torch.eye(len(x), dtype=torch.bool, device=x.device)
    logits = ((x * scale) @ x.T * weights).masked_fill(self_, -torch.inf)
    return softplus(logits.logsumexp(dim=1) - scale * own, threshold=50).mean()


def _mean(losses: Sequence[Tensor], features: Features) -> Tensor:
    """0, still part of the graph, where the batch has nothing to compute a term on."""
    return torch.stack(list(losses)).mean() if losses else 0 * features.z[features.present].sum()
