"""What the numbers of one set say in sentences: is there a gap, and of what kind?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from suture.analysis.evaluate import Evaluation, Metric

WORTH_NAMING = 0.05  # a gap that is surely smaller is small
LEVEL = 0.05  # of the permutation test


@dataclass(frozen=True)
class GapSummary:
    """One set and one pair of modalities in plain words.

    headline     the sentence to read first: how far apart a study's own image and report are
    explanation  how far the clouds are apart, whether that is chance, and what a shift would remove
    basis        set, split, studies and groups that this rests on
    """

    headline: str
    explanation: str
    basis: str


def gap_summary(evaluation: Evaluation, pair: tuple[str, str]) -> GapSummary | None:
    """The verdict on one set; None with fewer than two studies that have both modalities."""
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
    """What the test of "no gap" and the interval allow to say."""
    if gap.low is None or gap.high is None or p is None:
        return "too few groups to say whether that is chance"
    if p >= LEVEL:
        return "no more than chance gives"
    return "more than sampling explains" + (", but small" if gap.high <= WORTH_NAMING else "")


def degrees(cosine: float) -> float:
    """The angle whose cosine this is."""
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
