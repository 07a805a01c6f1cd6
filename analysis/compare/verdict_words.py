"""The verdict words, and how they follow from an interval."""

from __future__ import annotations

from typing import Literal

import numpy as np

from suture.analysis.statistics.hypothesis_tests import rule_of_three

VerdictWord = Literal[
    "unchanged",
    "closed",
    "narrowed",
    "better",
    "worse",
    "changed",
    "not decidable at this N",
    "no interval",
    "undefined",
]
UNDECIDED: tuple[VerdictWord, ...] = ("not decidable at this N", "no interval", "undefined")

# Metrics that can "close": 0 = the modalities coincide.
GAP_FAMILY = frozenset(
    {
        "centroid_gap",
        "centroid_gap_debiased",
        "rmg",
        "frechet_squared",
        "frechet_mean_part",
        "mmd_squared",
        "energy_distance",
        "w2_squared",
    }
)


def verdict_word(
    low: float | None, high: float | None, *, margin: float, better: str, closes_from: float | None = None
) -> VerdictWord:
    """The verdict on a paired difference B - A, from its 95 % interval alone.

    | interval                                                     | word                      |
    |--------------------------------------------------------------|---------------------------|
    | within +-margin                                              | "unchanged"               |
    | excludes 0, in the good direction, metric of the gap family, |                           |
    | and its conservative end leaves at most half of A                | "closed"                  |
    | the same, more than half of A may be left                    | "narrowed"                |
    | excludes 0, in the good direction, any other metric          | "better"                  |
    | excludes 0, in the bad direction                             | "worse"                   |
    | excludes 0, and neither direction is better                  | "changed"                 |
    | contains 0 and exceeds the margin                            | "not decidable at this N" |
    | none                                                         | "no interval"             |

    "unchanged" is a result (the change is smaller than the margin); "not decidable" is not.
    better       "lower", "higher" or "neither"; margin >= 0, in units of the metric
    closes_from  the value of A for a metric of the gap family, else None
    """
    if low is None or high is None or not (np.isfinite(low) and np.isfinite(high)):
        return "no interval"
    if -margin <= low and high <= margin:
        return "unchanged"
    if low <= 0 <= high:
        return "not decidable at this N"
    if better == "neither":
        return "changed"
    if (low > 0) != (better == "higher"):
        return "worse"
    if closes_from is None:
        return "better"
    return "closed" if high <= -closes_from / 2 else "narrowed"


def widen_constant(
    low: float | None, high: float | None, replicates: np.ndarray, groups: int
) -> tuple[float | None, float | None]:
    """Widen the interval of a difference of shares where all replicates are equal.

    If every resample gives the same difference, the bootstrap interval has width 0; yet a change that
    occurred in none of n groups may affect up to about 3 / n of them ("rule of three").
    """
    if low is None or high is None or np.ptp(replicates) > 0:
        return low, high
    half_width = rule_of_three(groups)
    return max(-1.0, low - half_width), min(1.0, high + half_width)
