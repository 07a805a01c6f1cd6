"""The mean cosine of each kind of pairs in A and in B, and its paired difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from suture.analysis.evaluate import Evaluation, Metric
from suture.analysis.statistics.bootstrap import Estimate, interval

PairKind = Literal["true_pairs", "random_pairs", "within_x", "within_y"]


def kind_difference(a: Evaluation, b: Evaluation, kind: PairKind, pair: tuple[str, str]) -> Estimate | None:
    """Mean cosine of a kind of pairs in B less that in A, with its 95 % interval; above 0 = higher in B.

    Of all pairs, not of a sample: true pairs by their cosine, random ones by cosine less margin, those
    within a modality by its angular value. Replicates are paired, as in `compare`. None where a number of
    either is missing.
    """
    first, second = (_mean(e, kind, pair) for e in (a, b))
    if first is None or second is None:
        return None
    paired = min(len(first.replicates), len(second.replicates))
    change = second.replicates[:paired] - first.replicates[:paired]
    low, high = interval(change)
    value = second.value - first.value
    return replace(first, value=value, low=low, high=high, resamples=paired, replicates=change)


def _mean(found: Evaluation, kind: PairKind, pair: tuple[str, str]) -> Estimate | None:
    if kind.startswith("within"):
        return _estimate(found.find("angular_value", pair[kind == "within_y"]))
    true = _estimate(found.find("cos_true_pairs", *pair))
    if kind == "true_pairs" or true is None:
        return true
    margin = _estimate(found.find("margin", *pair))
    if margin is None:
        return None
    paired = min(len(true.replicates), len(margin.replicates))
    replicates = true.replicates[:paired] - margin.replicates[:paired]
    return replace(true, value=true.value - margin.value, replicates=replicates)


def _estimate(metric: Metric | None) -> Estimate | None:
    if metric is None or metric.value is None:
        return None
    replicates = np.asarray(metric.replicates, np.float64)
    return Estimate(metric.value, np.nan, np.nan, metric.n, metric.n_groups, len(replicates), replicates)
