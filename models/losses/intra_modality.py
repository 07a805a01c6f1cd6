"""AlignCLIP's intra-modality separation: keeps studies of different meaning apart within a modality."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from suture.models.losses.features import Features, mean_or_zero


def intra_modality(
    features: Features, *, anchor: int, scale: Tensor, semantics: Tensor | None = None
) -> Tensor:
    """Mean over modalities of CE(s A, diagonal), A_ij = <x_i, x_j> (1 - <c_i, c_j>), A_ii = <x_i, y_i>.

    Lower = studies of different meaning are further apart. y_i is the study's other modality (the mean
    cosine if there are several), c are unit sentence embeddings, `semantics` (B, dim).

    AlignCLIP (Eslami & de Melo 2025) takes c from a frozen SBERT. Without `semantics` the batch's own anchor
    features are used instead, without gradient. That is not the same: early in training they carry little
    meaning.

    For two modalities AlignCLIP minimises (CE_xy + CE_yx) + 0.5 (CE_x + CE_y) = 2 contrastive + this mean. A
    weight of 0.5 here is therefore half of its loss.
    """
    meanings = features.z[anchor].detach() if semantics is None else semantics.to(features.z)
    has_meaning = features.present[anchor] if semantics is None else torch.ones_like(features.present[anchor])
    losses = []
    for m in range(len(features.z)):
        partners = features.present.sum(dim=0) - features.present[m].long()
        rows = features.present[m] & has_meaning & (partners > 0)
        if rows.sum() > 1:
            own = _partner_cosine(features, m)[rows]
            x, c = features.z[m][rows], meanings[rows]
            losses.append(_separation(x, c, own, scale))
    return mean_or_zero(losses, features)


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
