"""Evaluate an embedding set: metrics of each modality, of every pair, and of all modalities jointly."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from suture.analysis.evaluate.cohort import LABEL_VALUES, Cohorts, has_few_values, query_sample
from suture.analysis.evaluate.controls import controls
from suture.analysis.evaluate.metric_groups import (
    joint_metrics,
    modality_metrics,
    pair_metrics,
    pair_summaries,
)
from suture.analysis.evaluate.record import (
    MAX_EXACT_QUERIES,
    Control,
    Evaluation,
    Metric,
    evaluation_from_json,
)
from suture.analysis.evaluate.retrieval import right_answers
from suture.data.embedding_set import EmbeddingSet

__all__ = [
    "LABEL_VALUES",
    "MAX_EXACT_QUERIES",
    "Control",
    "Evaluation",
    "Metric",
    "evaluate",
    "evaluation_from_json",
    "has_few_values",
    "query_sample",
    "right_answers",
]


def evaluate(
    embeddings: EmbeddingSet,
    *,
    split: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    extended: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """Evaluate a split: each modality, then every pair, then mean and max over pairs.

    Studies without a modality are left out of its metrics; each metric has its own n. `extended` adds the
    metrics marked as extended in the catalogue. The permutation control is always included.
    `NotFound` for an unknown split.
    """
    part = embeddings.split(split)
    names = tuple(part.modalities)
    subsets = [*((m,) for m in names), *combinations(names, 2), *([names] if len(names) > 2 else [])]
    cohorts = Cohorts(part, resamples=resamples, seed=seed, extended=extended)
    metrics: list[Metric] = []
    checked: list[Control] = []
    for number, subset in enumerate(subsets):
        if progress:
            progress(number / len(subsets), ", ".join(subset[:-1]) + " and " * (len(subset) > 1) + subset[-1])
        cohort = cohorts.over(subset)
        if cohort is None:
            continue
        measure = (
            modality_metrics if len(subset) == 1 else pair_metrics if len(subset) == 2 else joint_metrics
        )
        metrics.extend(measure(cohort))
        if len(subset) == 2:
            checked.extend(controls(cohort, metrics))
    if len(names) > 2:
        metrics.extend(pair_summaries(metrics, names))
    return Evaluation(
        embeddings.name,
        split,
        len(part),
        names,
        tuple(metrics),
        tuple(checked),
        seed=seed,
        resamples=resamples,
    )
