"""What training minimises. `config` names the choices, `objective` computes value and parts.

config       ObjectiveConfig, presets with a sentence each, checks (no torch: pages read it)
total        objective: weighs the terms and adds them up; logit_scale, the temperature of the moment
terms        align true pairs, centroid and other uniformities, AlignCLIP's intra-modality separation
contrastive  CLIP's and SigLIP's losses over pairs of modalities, swapping
kernels      their values and gradients, block by block
schedules    weights and temperature over the training
features     rows that are present, duplicates
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suture.models.losses.total import Losses, logit_scale, objective

__all__ = ["Losses", "logit_scale", "objective"]


def __getattr__(name: str) -> Any:
    """torch comes with the first use, so that pages can read `config` without it."""
    if name in __all__:
        from suture.models.losses import total

        return getattr(total, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
