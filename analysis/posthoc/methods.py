"""What each post-hoc method does, in a formula and in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """One way to bring fitted clouds together; x is the anchor, y any other modality.

    needs_pairs  it is fitted on studies that have both; the others need no pairing at all
    shift        every row moves by the same vector before it is brought back to length 1: any strength
                 makes sense, above 1 over-closes and below 0 opens the gap. Else strength is 0..1
    anchored     one modality, the anchor, is what the others are fitted to
    """

    name: str
    title: str
    formula: str
    meaning: str
    needs_pairs: bool
    shift: bool
    anchored: bool
    source: str


METHODS: dict[str, Method] = {
    m.name: m
    for m in (
        Method(
            "liang-shift",
            "Shift by a distance",
            "x' = unit(x - d/2 u), y' = unit(y + d/2 u), u = unit(mean x - mean y)",
            "Moves both clouds towards each other by a distance you choose; a negative one opens the gap.",
            needs_pairs=False,
            shift=True,
            anchored=False,
            source="Liang et al. 2022",
        ),
        Method(
            "lambda-shift",
            "Shift by a share of the gap",
            "x' = unit(x - l/2 g), y' = unit(y + l/2 g), g = mean x - mean y",
            "Moves every cloud towards the middle of all; 0 = untouched, 1 = the middles meet.",
            needs_pairs=False,
            shift=True,
            anchored=False,
            source="Suture's form of the shift of Liang et al. 2022",
        ),
        Method(
            "translate",
            "Move onto the anchor",
            "x' = x, y' = unit(y + mean x - mean y)",
            "Leaves the anchor where it is and moves every other cloud until its middle lies there.",
            needs_pairs=False,
            shift=True,
            anchored=True,
            source="Liang et al. 2022, one-sided",
        ),
        Method(
            "mean-removal",
            "Remove the means",
            "x' = unit(x - mean x), y' = unit(y - mean y)",
            "Takes from each cloud what all its rows share, and with it the narrow cone.",
            needs_pairs=False,
            shift=True,
            anchored=False,
            source="GR-CLIP, I0T (post), C3 (collapse)",
        ),
        Method(
            "standardise",
            "Standardise",
            "x' = unit((x - mean x) / sd x), each dimension, population sd; y alike",
            "Removes the means and gives every dimension the same weight.",
            needs_pairs=False,
            shift=False,
            anchored=False,
            source="Per-dimension z-scores; compare I0T (async)",
        ),
        Method(
            "mean-sd-match",
            "Match mean and spread",
            "x' = x, y' = unit((y - mean y) sd x / sd y + mean x), each dimension",
            "Gives every other cloud the anchor's middle, and its spread in each dimension.",
            needs_pairs=False,
            shift=False,
            anchored=True,
            source="TOMCap",
        ),
        Method(
            "realign",
            "ReAlign",
            "x' = x, y1 = unit(mean x + s (y - mean y)), y' = unit(y1 - mean y1 + mean x), "
            "s = sqrt(Tx / Ty), T = mean squared distance to the own mean",
            "Gives every other cloud the anchor's middle and overall spread, then corrects the middle again.",
            needs_pairs=False,
            shift=False,
            anchored=True,
            source="ReAlign; the root follows from its condition s^2 Ty = Tx",
        ),
        Method(
            "procrustes",
            "Rotate onto the anchor",
            "x' = unit(x - mean x), y' = unit((y - mean y) R), R = U V^T of svd(Yc^T Xc)",
            "Removes the means and turns each cloud so that pairs lie closest; distances inside stay.",
            needs_pairs=True,
            shift=False,
            anchored=True,
            source="Orthogonal Procrustes, Schönemann 1966",
        ),
        Method(
            "ridge",
            "Linear map onto the anchor",
            "x' = x, y' = unit(y W), W = (Y^T Y + l n I)^-1 Y^T X",
            "Predicts the anchor's row from each other row by a linear map, held back by a penalty.",
            needs_pairs=True,
            shift=False,
            anchored=True,
            source="ReCap, SITTA",
        ),
    )
}
