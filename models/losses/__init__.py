"""Training objectives: a contrastive loss plus weighted terms that align pairs or spread embeddings.

config               ObjectiveConfig, the presets, checks (no torch: pages read it)
total                objective(): the weighted sum of the terms
contrastive          CLIP's and SigLIP's losses over pairs of modalities
alignment            L_ATP: pulls the modalities of a study together
centroid_uniformity  L_CU: spreads the centroids of the studies
uniformity           spreads the rows within a modality, or across modalities
intra_modality       AlignCLIP's separation
schedules            weights and temperature over the training
kernels              values and gradients of the pairwise losses, block by block
features             which rows of a batch are present, and which are duplicates
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suture.models.losses.total import Losses, logit_scale, objective

__all__ = ["Losses", "logit_scale", "objective"]


def __getattr__(name: str) -> Any:
    """Import torch on first use, so that pages can read `config` without it."""
    if name in __all__:
        from suture.models.losses import total

        return getattr(total, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
