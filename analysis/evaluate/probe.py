"""The metrics of a small probe set after every training epoch: gap, retrieval, collapse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from suture.analysis import gap
from suture.analysis.geometry import spread
from suture.analysis.retrieval import retrieval
from suture.analysis.retrieval.hubness import hubness_skew
from suture.analysis.statistics.bootstrap import GroupBootstrap

RESAMPLES = 200
PAIR = ("centroid_gap", "centroid_gap_debiased", "cos_true_pairs", "margin")


def probe_metrics(
    vectors: Mapping[str, np.ndarray],
    keys: Mapping[str, np.ndarray],
    groups: np.ndarray,
    *,
    ks: Sequence[int] = (10,),
) -> dict[str, float]:
    """Means of the training-curve metrics over pairs of modalities (or over modalities).

    vectors  modality -> (n_studies, dim) unit rows, zeros where a study lacks it
    keys     modality -> (n_studies,) int, equal and >= 0 = right answers of each other
    groups   (n_studies,) resampling unit
    ks       of recall_at_<k>, from 1, 5 and 10

    centroid_gap and centroid_gap_debiased (lower = closer), cos_true_pairs and margin (higher = closer),
    recall_at_10 (multi-positive, mean of both directions), recall_at_10_half (half its 95 % interval) and
    recall_at_10_chance (what a random order would give),
    effective_rank (higher = more directions used), uniformity_wi and angular_value (lower = more spread),
    hubness_skew (lower = fewer hubs; the worse direction). Undefined metrics are left out.
    """
    there = {m: np.any(x != 0, axis=1) for m, x in vectors.items()}
    per_subset: list[dict[str, float]] = []
    for a, b in combinations(vectors, 2):
        both = np.flatnonzero(there[a] & there[b])
        if len(both) > 1:
            joint = _joint_keys(keys, a, b, both)
            per_subset.append(_pair_metrics(vectors[a][both], vectors[b][both], joint, groups[both], ks))
    for m, x in vectors.items():
        if there[m].sum() > 1:
            per_subset.append(_modality_metrics(x[there[m]]))
    means = {}
    for name in dict.fromkeys(name for row in per_subset for name in row):
        values = [row[name] for row in per_subset if name in row and np.isfinite(row[name])]
        if values:
            means[name] = float(np.max(values) if name == "hubness_skew" else np.mean(values))
    return means


def _pair_metrics(
    x: np.ndarray, y: np.ndarray, keys: np.ndarray, groups: np.ndarray, ks: Sequence[int]
) -> dict[str, float]:
    bootstrap = GroupBootstrap(groups, resamples=2)  # values only
    metrics = {name: getattr(gap.pair_gap(x, y, bootstrap=bootstrap), name).value for name in PAIR}
    scores = []
    for queries, gallery in ((x, y), (y, x)):
        score = retrieval(
            queries, gallery, protocol="multi_positive", keys=keys, groups=groups, resamples=RESAMPLES
        )
        scores.append(score)
    for k in ks:
        metrics[f"recall_at_{k}"] = float(np.mean([score.recall[k].value for score in scores]))
    recalls = [score.recall[10] for score in scores]
    metrics["recall_at_10_half"] = float(np.mean([(r.high - r.low) / 2 for r in recalls]))
    metrics["recall_at_10_chance"] = _chance(keys)
    metrics["hubness_skew"] = max(hubness_skew(x, y), hubness_skew(y, x))
    return metrics


def _chance(keys: np.ndarray, k: int = 10) -> float:
    """Mean chance of a right answer among k of n at random: 1 - prod_{i<k} (n - p - i) / (n - i), of p."""
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    n, wrong = len(keys), len(keys) - counts[which].astype(float)
    missed = [np.maximum(wrong - i, 0) / (n - i) for i in range(min(k, n))]
    return float(1 - np.prod(missed, axis=0).mean())


def _modality_metrics(x: np.ndarray) -> dict[str, float]:
    few = GroupBootstrap(np.arange(len(x)), resamples=2)  # values only
    return {
        "effective_rank": spread.effective_rank(x, bootstrap=few).value,
        "uniformity_wi": spread.uniformity_wi(x, bootstrap=few).value,
        "angular_value": gap.angular_value(x, bootstrap=few).value,
    }


def _joint_keys(keys: Mapping[str, np.ndarray], a: str, b: str, rows: np.ndarray) -> np.ndarray:
    """Studies are right answers of each other if they share a key in either modality."""
    from suture.analysis.retrieval import joint_keys

    texts = [np.where(keys[m][rows] < 0, "", keys[m][rows].astype(str)) for m in (a, b)]
    return joint_keys(*texts)
