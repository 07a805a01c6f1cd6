"""Contrastive losses: each study's rows of two modalities against those of all other studies.

The temperature T (0.07) divides the logits; the logit scale 1 / T (14.3) multiplies them.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from suture.models.losses.config import ObjectiveConfig
from suture.models.losses.features import Features
from suture.models.losses.kernels import InfoNCE, SigLIP


def contrastive(
    features: Features,
    *,
    config: ObjectiveConfig,
    anchor: int,
    scale: Tensor,
    bias: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Mean over pairs of modalities of CLIP's or SigLIP's loss; lower = true pairs stand out more.

    clip    (CE(S / T) + CE(S^T / T)) / 2, S = X Y^T (Radford et al. 2021)
    siglip  (1/n) sum_ij -log sigmoid(+-(s S_ij + b)), + for i = j (Zhai et al. 2023)

    n counts the studies that have both modalities. Duplicates are not negatives: where the texts or images
    of i and j are the same, entry ij is left out. With probability `swap`, rows i of X and Y are exchanged
    first, so that no direction can encode the modality (after Yaras et al. 2024; the form is ours). Pairs
    of modalities with fewer than 2 such studies do not count; `ValueError` if none counts.
    """
    losses = []
    for a, b in _pairs(len(features.z), config.pairs, anchor):
        (x, y), codes = features.rows(a, b)
        if len(x) < 2:
            continue
        if config.swap > 0:
            x, y = _swapped(x, y, config.swap, generator)
        siglip = config.contrastive == "siglip"
        losses.append(SigLIP.apply(x, y, scale, bias, codes) if siglip else InfoNCE.apply(x, y, scale, codes))
    if not losses:
        raise ValueError("contrastive: no two modalities share 2 studies or more in this batch")
    return torch.stack(losses).mean()


def _pairs(modalities: int, pairs: str, anchor: int) -> list[tuple[int, int]]:
    """Pairs of modalities: all of them, or each modality with the anchor."""
    if pairs == "all":
        return list(combinations(range(modalities), 2))
    return [(m, anchor) for m in range(modalities) if m != anchor]


def _swapped(x: Tensor, y: Tensor, share: float, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Rows of x and y exchanged, each study with probability `share`."""
    device = x.device if generator is None else generator.device
    chosen = (torch.rand(len(x), generator=generator, device=device) < share).to(x.device)[:, None]
    return torch.where(chosen, y, x), torch.where(chosen, x, y)
