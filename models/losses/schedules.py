"""Weights and temperature over the training; progress is the share that is done, 0..1."""

from __future__ import annotations

import math

from suture.models.losses.config import WEIGHTS, ObjectiveConfig

SPREADING = ("cu", "uniformity", "cross_uniformity")


def alpha(progress: float) -> float:
    """Weight of alignment in ModGap: 1 for the first half, then linear to 2 (its config's 50/50)."""
    return 1 + max(0.0, progress - 0.5) / 0.5


def beta(progress: float) -> float:
    """Weight of uniformity in ModGap: 1 for the first fifth, linear to 0 over the next half, then 0."""
    return 1 - min(max(0.0, progress - 0.2) / 0.5, 1.0)


def weights(config: ObjectiveConfig, progress: float) -> dict[str, float]:
    """Weight of each term of the config at this progress."""
    base = {"contrastive": float(config.contrastive != "none")}
    base |= {name: getattr(config, name) for name in WEIGHTS}
    factors = {"atp": alpha, **dict.fromkeys(SPREADING, beta)} if config.schedule == "modgap" else {}
    return {
        name: weight * (factors[name](progress) if name in factors else 1)
        for name, weight in base.items()
        if weight > 0
    }


def logit_scale(config: ObjectiveConfig, progress: float) -> float:
    """1 / T at this progress, for a temperature that is not learnable."""
    start, end = config.temperature_start, config.temperature_end
    if config.temperature == "linear":
        return 1 / (start + (end - start) * progress)
    if config.temperature == "cosine":
        return 1 / (end + (start - end) * (1 + math.cos(math.pi * progress)) / 2)
    return 1 / start
