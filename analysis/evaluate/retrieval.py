"""Retrieval metrics of a pair of modalities: both directions, all protocols, hubness, label precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from suture.analysis.evaluate.cohort import Cohort, metric, metrics_from, query_sample
from suture.analysis.evaluate.record import QUERY_SAMPLE, Metric
from suture.analysis.math.arrays import UnitRows
from suture.analysis.retrieval import (
    Direction,
    RankCurve,
    Retrieval,
    RightAnswers,
    both_directions,
    joint_keys,
    label_precision,
    rank_best,
    rank_curve,
)
from suture.analysis.statistics.bootstrap import Sample
from suture.data.collection import DUPLICATE, GROUP
from suture.data.embedding_set import EmbeddingSet


def retrieval_metrics(cohort: Cohort) -> Iterator[Metric]:
    """Retrieval metrics in both directions, from one pass over the scores."""
    x, y = cohort.modalities
    answers, backward = (
        _answers_of(right_answers(cohort.part, *pair), cohort.rows) for pair in ((x, y), (y, x))
    )
    results = both_directions(
        *cohort.vectors,
        answers=answers,
        backward_answers=backward,
        groups=cohort.groups,
        bootstrap=cohort.bootstrap,
        query_rows=cohort.query_sample(),
    )
    yield from _direction_metrics(cohort, (x, y), results.forward)
    yield from _direction_metrics(cohort, (y, x), results.backward)


def _direction_metrics(cohort: Cohort, modalities: tuple[str, str], results: Direction) -> Iterator[Metric]:
    sampled = len(results.query_rows) < len(cohort.rows)
    for measured, of in _all_metrics(cohort, modalities, results):
        yield _with_query_sample(measured, of) if sampled else measured


def _with_query_sample(metric: Metric, of: int) -> Metric:
    """The metric with a note on the sample of queries; `of` is the total number of queries."""
    if metric.n >= of or metric.value is None:
        return metric
    error = float(metric.replicates.std()) if len(metric.replicates) else None
    sample = Sample(metric.n, of, error, QUERY_SAMPLE)
    return replace(metric, convention=metric.convention + sample.describe(), sampled=sample)


def _all_metrics(
    cohort: Cohort, modalities: tuple[str, str], results: Direction
) -> Iterator[tuple[Metric, int]]:
    """Each metric with its total number of queries."""
    way, n = "->".join(modalities), len(cohort.rows)
    for result in results.retrieval:
        yield from ((m, result.of) for m in _protocol_metrics(cohort, result, modalities, way))
    context: dict[str, Any] = {"direction": way, "n_gallery": n}
    among = " among the query studies" if len(results.query_rows) < n else ""
    hubs = {**context, "n_gallery": len(results.query_rows), "note": among}
    hubness = metrics_from(vars(results.hubness), modalities, extended=cohort.extended, **hubs)
    yield from ((m, n) for m in hubness)
    if cohort.extended:
        for name, values in cohort.label_columns():
            same = label_precision(
                results.nearest,
                results.which,
                values,
                groups=cohort.groups,
                bootstrap=cohort.bootstrap,
                query_rows=results.query_rows,
            )
            note = f"; label {name}"
            scored = metrics_from(vars(same), modalities, extended=True, note=note, label=name, **context)
            yield from ((m, int((values != "").sum())) for m in scored)


def _protocol_metrics(
    cohort: Cohort, result: Retrieval, modalities: tuple[str, str], way: str
) -> Iterator[Metric]:
    where: dict[str, Any] = {"direction": way, "protocol": result.protocol, "n_gallery": result.n_gallery}
    for k, estimate in result.recall.items():
        yield metric(f"recall_at_{k}", modalities, estimate, **where)
    yield from metrics_from(vars(result), modalities, extended=cohort.extended, **where)


def right_answers(part: EmbeddingSet, a: str, b: str) -> RightAnswers:
    """The right answers for queries of modality a and a gallery of modality b, for all studies of a split.

    Right answers share a text or a duplicate group. "deduplicated" removes repeated texts if texts are
    known, else repeated groups.
    """
    repeats = "gallery" if (part.key(b) != "").any() or not (part.key(a) != "").any() else "queries"
    texts = part.key(b if repeats == "gallery" else a)
    both = joint_keys(texts, part.rows[DUPLICATE].to_numpy(dtype=object))
    once = joint_keys(texts, np.full(len(texts), "")) if (texts != "").any() else both
    return RightAnswers(both, once, repeats)  # type: ignore[arg-type]


def _answers_of(answers: RightAnswers, rows: np.ndarray) -> RightAnswers:
    return RightAnswers(answers.related[rows], answers.same_text[rows], answers.repeats)


def pair_rank_curve(part: EmbeddingSet, x: str, y: str) -> RankCurve:
    """Recall at every k from modality x to modality y of a part, multi-positive; of many, a query sample."""
    rows = part.rows_with(x, y)
    keys = right_answers(part, x, y).related[rows]
    sample = query_sample(len(rows))
    queries = np.arange(len(rows)) if sample is None else sample
    ranks = rank_best(
        UnitRows(part.vectors[x], rows=rows[queries]),
        UnitRows(part.vectors[y], rows=rows),
        keys[queries],
        keys,
    )
    groups = part.rows[GROUP].to_numpy(str)[rows[queries]]
    return rank_curve(ranks, groups, len(rows), right=np.bincount(keys)[keys[queries]])
