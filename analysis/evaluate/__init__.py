"""Every number of an embedding set: each modality alone, every pair, all of them together."""

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
    """Measure a split: one modality at a time, then every pair, then mean and max over pairs.

    Studies that lack a modality are left out of what concerns it; each metric carries its n. `extended`
    adds the metrics that the catalogue marks so. The permutation control is always there.
    KeyError for a split that does not exist.
    """
    part = embeddings.split(split)
    names = tuple(part.modalities)
    subsets = [*((m,) for m in names), *combinations(names, 2), *([names] if len(names) > 2 else [])]
    steps = Cohorts(part, resamples=resamples, seed=seed, extended=extended)
    metrics: list[Metric] = []
    checked: list[Control] = []
    for number, subset in enumerate(subsets):
        if progress:
            progress(number / len(subsets), ", ".join(subset[:-1]) + " and " * (len(subset) > 1) + subset[-1])
        step = steps.over(subset)
        if step is None:
            continue
        measure = (
            modality_metrics if len(subset) == 1 else pair_metrics if len(subset) == 2 else joint_metrics
        )
        metrics.extend(measure(step))
        if len(subset) == 2:
            checked.extend(controls(step, metrics))
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
