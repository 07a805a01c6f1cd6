"""Configuration of an objective: weights, temperature, schedule; presets; checks. (Imports no torch.)"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from suture.data.errors import Refused

CONTRASTIVE = ("clip", "siglip", "none")
PAIRS = ("all", "anchor")
TEMPERATURE = ("learnable", "fixed", "linear", "cosine")
SCHEDULE = ("constant", "modgap")
WEIGHTS = ("atp", "cu", "uniformity", "cross_uniformity", "intra_modality")


@dataclass(frozen=True)
class ObjectiveConfig:
    """One objective: a contrastive loss of weight 1, and further terms by their weights (0 = off).

    contrastive       clip (symmetric InfoNCE), siglip, or none
    pairs             contrastive over "all" pairs of modalities, or only over those with the "anchor"
    anchor            modality that the others are pulled to; "" = the first text modality
    temperature       T of the contrastive logits S / T: learnable (as in CLIP; starts at the model's own),
                      fixed at temperature_start, or linear or cosine from temperature_start to
                      temperature_end over the training. Higher T = less repulsion, smaller gap
    atp               align true pairs: mean squared distance to the anchor
    cu                centroid uniformity: spreads the studies' mean vectors
    uniformity        spreads the rows of each modality
    cross_uniformity  spreads rows of different studies and modalities
    intra_modality    AlignCLIP's separation within a modality, less for studies of similar meaning
    schedule          constant, or modgap: atp times 1 for half of the training, then rising to 2; cu,
                      uniformity and cross_uniformity times 1 for a fifth, then falling to 0 at 70 %
    swap              probability of exchanging two modalities of a study before the contrastive loss, 0..1
    mask_duplicates   studies with the same text, or of one duplicate group, are not negatives of each other

    Formulas and sources: the modules of the terms in `suture.models.losses`.
    """

    contrastive: str = "clip"
    pairs: str = "all"
    anchor: str = ""
    temperature: str = "learnable"
    temperature_start: float = 0.07
    temperature_end: float = 0.07
    atp: float = 0.0
    cu: float = 0.0
    uniformity: float = 0.0
    cross_uniformity: float = 0.0
    intra_modality: float = 0.0
    schedule: str = "constant"
    swap: float = 0.0
    mask_duplicates: bool = True


_FIXED = ObjectiveConfig(temperature="fixed", temperature_start=0.1)
_SCHEDULED = replace(_FIXED, schedule="modgap")
_CUA = replace(_FIXED, temperature_start=0.01, atp=1.0, uniformity=1.0)

PRESETS: dict[str, ObjectiveConfig] = {
    "clip": ObjectiveConfig(),
    "clip-fixed": _FIXED,
    "clip-atp": replace(_SCHEDULED, atp=1.0),
    "clip-cu": replace(_SCHEDULED, cu=1.0),
    "gap-closing": replace(_SCHEDULED, atp=1.0, cu=1.0),
    "gap-closing-constant": replace(_FIXED, atp=1.0, cu=1.0),
    "clip-uniformity": replace(_FIXED, uniformity=1.0),
    "cua": _CUA,
    "cuaxu": replace(_CUA, cross_uniformity=1.0),
    "alignclip": ObjectiveConfig(intra_modality=0.5),  # half of AlignCLIP's sum: see `intra_modality`
    "siglip": ObjectiveConfig(contrastive="siglip", temperature_start=0.1),
    "temperature-schedule": ObjectiveConfig(temperature="cosine", temperature_end=0.2),
    "swap": ObjectiveConfig(swap=0.5),
}

DESCRIPTIONS: dict[str, str] = {
    "clip": "CLIP's contrastive loss with a learnable temperature: the usual training, which leaves a gap.",
    "clip-fixed": "CLIP's contrastive loss at a fixed temperature of 0.1.",
    "clip-atp": "Contrastive at 0.1, every image is pulled to its own text, with double weight at the end.",
    "clip-cu": "Contrastive at 0.1, and the studies' centroids are spread; the spreading fades out by 70 %.",
    "gap-closing": "Contrastive at 0.1, pairs pulled together, centroids spread: the released recipe.",
    "gap-closing-constant": "As gap-closing, with constant weights: the objective as the paper prints it.",
    "clip-uniformity": "Contrastive at 0.1, and each modality is spread by itself; the gap may remain.",
    "cua": "Contrastive at 0.01 with alignment and uniformity of each modality (Fahim et al. 2024).",
    "cuaxu": "As cua, and images are also spread away from the texts of other studies.",
    "alignclip": "CLIP, and within a modality studies of different meaning are kept apart (AlignCLIP).",
    "siglip": "SigLIP's loss: every pair of image and text is classified on its own, as true or false.",
    "temperature-schedule": "CLIP with a temperature that rises from 0.07 to 0.2 on a cosine.",
    "swap": "CLIP; image and text of a random half of the studies are exchanged before the loss.",
}


def preset(name: str) -> ObjectiveConfig:
    """A preset by its name; `Refused` if there is none of that name."""
    if name not in PRESETS:
        raise Refused(
            "objective_unknown", f"There is no objective {name!r}. There are: {', '.join(PRESETS)}."
        )
    return PRESETS[name]


def check(config: ObjectiveConfig, modalities: Sequence[str]) -> None:
    """`Refused` if the objective is invalid or cannot be computed on these modalities."""
    _check_choices(config)
    for name in WEIGHTS:
        _require(name, getattr(config, name), 0, math.inf, "a finite number of at least 0")
    for name in ("temperature_start", "temperature_end"):
        _require(name, getattr(config, name), 1e-3, 100, "a temperature of 0.001 to 100")
    _require("swap", config.swap, 0, 1, "a probability, 0 to 1")
    if len(modalities) < 2:
        have = ", ".join(modalities) or "none"
        raise Refused("objective_invalid", f"An objective needs two modalities or more; there are: {have}.")
    if config.anchor and config.anchor not in modalities:
        message = f"The anchor must be one of {', '.join(modalities)}; got {config.anchor!r}."
        raise Refused("anchor_unknown", message)
    if config.contrastive == "none" and not any(getattr(config, name) for name in WEIGHTS):
        message = f"Nothing to minimise: choose a contrastive term or give a weight to {', '.join(WEIGHTS)}."
        raise Refused("objective_invalid", message)


def _check_choices(config: ObjectiveConfig) -> None:
    choices = {
        "contrastive": CONTRASTIVE,
        "pairs": PAIRS,
        "temperature": TEMPERATURE,
        "schedule": SCHEDULE,
    }
    for name, allowed in choices.items():
        value = getattr(config, name)
        if value not in allowed:
            message = f"{name} must be one of {', '.join(allowed)}; got {value!r}."
            raise Refused("objective_invalid", message)


def _require(name: str, value: float, low: float, high: float, expected: str) -> None:
    if not (low <= value <= high and math.isfinite(value)):  # also false for NaN
        raise Refused("objective_invalid", f"{name} must be {expected}; got {value!r}.")
