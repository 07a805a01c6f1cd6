"""Paired difference B - A of the mean cosine, for each kind of pair (true, random, within a modality)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from suture.analysis.evaluate import Evaluation, Metric
from suture.analysis.statistics.bootstrap import Estimate, interval

PairKind = Literal["true_pairs", "random_pairs", "within_x", "within_y"]


def kind_difference(a: Evaluation, b: Evaluation, kind: PairKind, pair: tuple[str, str]) -> Estimate | None:
    """Mean cosine of one kind of pair in B minus that in A, with its 95 % interval; above 0 = higher in B.

    Over all pairs, not a sample: true pairs from their cosine, random pairs from cosine - margin, pairs
    within a modality from its angular value. Replicates are paired, as in `compare`. None where a metric is
    missing in either set.
    """
    first, second = (_mean(e, kind, pair) for e in (a, b))
    if first is None or second is None:
        return None
    paired = min(len(first.replicates), len(second.replicates))
    change = second.replicates[:paired] - first.replicates[:paired]
    low, high = interval(change)
    value = second.value - first.value
    return replace(first, value=value, low=low, high=high, resamples=paired, replicates=change)


def _mean(evaluation: Evaluation, kind: PairKind, pair: tuple[str, str]) -> Estimate | None:
    if kind.startswith("within"):
        return _estimate(evaluation.find("angular_value", pair[kind == "within_y"]))
    true = _estimate(evaluation.find("cos_true_pairs", *pair))
    if kind == "true_pairs" or true is None:
        return true
    margin = _estimate(evaluation.find("margin", *pair))
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
