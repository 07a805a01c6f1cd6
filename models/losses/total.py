"""The objective: contrastive loss plus weighted further terms, for the features of one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from suture.models.losses.alignment import align_true_pairs
from suture.models.losses.centroid_uniformity import centroid_uniformity
from suture.models.losses.config import ObjectiveConfig
from suture.models.losses.contrastive import contrastive
from suture.models.losses.features import Features
from suture.models.losses.intra_modality import intra_modality
from suture.models.losses.schedules import logit_scale, weights
from suture.models.losses.uniformity import cross_uniformity, uniformity


@dataclass(frozen=True)
class Losses:
    """total  what is minimised, a scalar with gradients
    parts  term -> its value before weighting, for each term of the config
    """

    total: Tensor
    parts: dict[str, Tensor]


def objective(
    z: Tensor,
    present: Tensor,
    keys: Tensor,
    *,
    config: ObjectiveConfig,
    anchor: int,
    scale: Tensor,
    bias: Tensor | None = None,
    progress: float,
    generator: torch.Generator | None = None,
    semantics: Tensor | None = None,
) -> Losses:
    """total = contrastive + sum of weight x term, with the weights of this point of the training.

    z          (M, B, D) unit rows; rows that are not present have no influence
    present    (M, B) bool
    keys       (M, B) int64: equal and >= 0 within one modality = the same text or duplicate group
    anchor     index of the modality that the others are aligned with (a text)
    scale      the learnable 1 / T, a scalar; ignored if the temperature is not learnable
    bias       SigLIP's, a scalar; None = 0
    progress   share of the training that is done, 0..1; sets scheduled weights and temperature
    generator  for swapping
    semantics  (B, dim) unit sentence embeddings for the intra-modality term

    `ValueError` if no two modalities share two studies. First derivatives only.
    """
    features = Features.of(z, present, keys, mask_duplicates=config.mask_duplicates)
    learnable = config.temperature == "learnable"
    scale = scale.to(z).reshape(()) if learnable else z.new_tensor(logit_scale(config, progress))
    bias = z.new_zeros(()) if bias is None else bias.to(z).reshape(())
    terms: dict[str, Callable[[Features], Tensor]] = {
        "contrastive": partial(
            contrastive, config=config, anchor=anchor, scale=scale, bias=bias, generator=generator
        ),
        "atp": partial(align_true_pairs, anchor=anchor),
        "cu": centroid_uniformity,
        "uniformity": uniformity,
        "cross_uniformity": cross_uniformity,
        "intra_modality": partial(intra_modality, anchor=anchor, scale=scale, semantics=semantics),
    }
    shares = weights(config, progress)
    with torch.autocast(z.device.type, enabled=False):  # in half precision distances of close rows vanish
        parts = {name: terms[name](features) for name in shares}
    total = torch.stack([shares[name] * part for name, part in parts.items()]).sum()
    return Losses(total, parts)
