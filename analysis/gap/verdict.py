"""The verdict on one embedding set in sentences: is there a gap, is it noise, would a shift close it?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suture.analysis.evaluate import Evaluation, Metric

SMALL_GAP = 0.05  # a gap whose interval lies below this is called small
LEVEL = 0.05  # of the permutation test


@dataclass(frozen=True)
class GapSummary:
    """One set and one pair of modalities in sentences.

    headline     the angle between the image and the report of a study
    explanation  the gap, whether it exceeds sampling noise, and what a shift would remove
    basis        set, split, and numbers of studies and groups
    """

    headline: str
    explanation: str
    basis: str


def gap_summary(evaluation: Evaluation, pair: tuple[str, str]) -> GapSummary | None:
    """Summarise one set; None with fewer than two studies that have both modalities."""
    x, y = pair
    names = ("cos_true_pairs", "centroid_gap_debiased", "offset_share")
    cosine, gap, share = (evaluation.find(name, x, y) for name in names)
    if cosine is None or gap is None or share is None:
        return None
    plain = evaluation.find("centroid_gap", x, y)
    p = plain.p if plain is not None else None
    angle = degrees(cosine.value or 0.0)
    return GapSummary(
        f"{x.capitalize()} and {y} of the same study are {angle:.0f} degrees apart.",
        f"Centroid gap {gap.value:.2f} (debiased), {_describe_chance(gap, p)}. A shift of one modality would "
        f"remove {share.value:.0%} of the squared distance between pairs.",
        f"{evaluation.set}, {evaluation.split} split, {cosine.n:,} studies in {cosine.n_groups:,} groups",
    )


def _describe_chance(gap: Metric, p: float | None) -> str:
    """Whether the gap exceeds sampling noise, by the permutation test and the interval."""
    if gap.low is None or gap.high is None or p is None:
        return "too few groups to test against chance"
    if p >= LEVEL:
        return "within sampling noise"
    return "above sampling noise" + (", but small" if gap.high <= SMALL_GAP else "")


def degrees(cosine: float) -> float:
    """The angle in degrees of a cosine; values outside -1..1 are clipped."""
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
