"""The post-hoc methods: title, formula, description and source of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """A post-hoc method; x is the anchor, y any other modality.

    needs_pairs  fitted on studies that have both modalities; other methods need no pairs
    shift        every row moves by the same vector and is normalised again: any strength is valid,
                 above 1 over-closes and below 0 widens the gap. Otherwise strength is 0..1
    anchored     the other modalities are fitted to one modality, the anchor
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
            "Moves both modalities towards each other by a given distance; a negative distance widens the "
            "gap.",
            needs_pairs=False,
            shift=True,
            anchored=False,
            source="Liang et al. 2022",
        ),
        Method(
            "lambda-shift",
            "Shift by a share of the gap",
            "x' = unit(x - l/2 g), y' = unit(y + l/2 g), g = mean x - mean y",
            "Moves every modality towards the mean of all centroids; 0 = unchanged, 1 = the centroids meet.",
            needs_pairs=False,
            shift=True,
            anchored=False,
            source="Suture's form of the shift of Liang et al. 2022",
        ),
        Method(
            "translate",
            "Move onto the anchor",
            "x' = x, y' = unit(y + mean x - mean y)",
            "Keeps the anchor and shifts every other modality so that the centroids coincide.",
            needs_pairs=False,
            shift=True,
            anchored=True,
            source="Liang et al. 2022, one-sided",
        ),
        Method(
            "mean-removal",
            "Remove the means",
            "x' = unit(x - mean x), y' = unit(y - mean y)",
            "Subtracts the mean of each modality, and with it the narrow cone.",
            needs_pairs=False,
            shift=True,
            anchored=False,
            source="GR-CLIP, I0T (post), C3 (collapse)",
        ),
        Method(
            "standardise",
            "Standardise",
            "x' = unit((x - mean x) / sd x), each dimension, population sd; y alike",
            "Subtracts the means and scales every dimension to unit variance.",
            needs_pairs=False,
            shift=False,
            anchored=False,
            source="Per-dimension z-scores; compare I0T (async)",
        ),
        Method(
            "mean-sd-match",
            "Match mean and spread",
            "x' = x, y' = unit((y - mean y) sd x / sd y + mean x), each dimension",
            "Gives every other modality the mean of the anchor and its standard deviation in each dimension.",
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
            "Gives every other modality the mean and total variance of the anchor, then corrects the mean "
            "again.",
            needs_pairs=False,
            shift=False,
            anchored=True,
            source="ReAlign; the root follows from its condition s^2 Ty = Tx",
        ),
        Method(
            "procrustes",
            "Rotate onto the anchor",
            "x' = unit(x - mean x), y' = unit((y - mean y) R), R = U V^T of svd(Yc^T Xc)",
            "Subtracts the means and rotates each modality so that pairs are closest; keeps distances "
            "within it.",
            needs_pairs=True,
            shift=False,
            anchored=True,
            source="Orthogonal Procrustes, Schönemann 1966",
        ),
        Method(
            "ridge",
            "Linear map onto the anchor",
            "x' = x, y' = unit(y W), W = (Y^T Y + l n I)^-1 Y^T X",
            "Predicts the rows of the anchor from those of the other modality by ridge regression.",
            needs_pairs=True,
            shift=False,
            anchored=True,
            source="ReCap, SITTA",
        ),
    )
}
