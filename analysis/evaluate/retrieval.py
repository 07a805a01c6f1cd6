"""Retrieval of a pair of modalities, both ways, all protocols, and who crowds into the answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from suture.analysis.evaluate.cohort import Cohort, metric, metrics_from
from suture.analysis.evaluate.record import QUERY_SAMPLE, Metric
from suture.analysis.retrieval import (
    Direction,
    Retrieval,
    RightAnswers,
    both_directions,
    joint_keys,
    label_precision,
)
from suture.analysis.statistics.bootstrap import Sample
from suture.data.collection import DUPLICATE
from suture.data.embedding_set import EmbeddingSet


def retrieval_metrics(step: Cohort) -> Iterator[Metric]:
    """One pass over the scores serves both directions."""
    x, y = step.modalities
    answers, backward = (_answers_of(right_answers(step.part, *pair), step.rows) for pair in ((x, y), (y, x)))
    found = both_directions(
        *step.vectors,
        answers=answers,
        backward_answers=backward,
        groups=step.groups,
        bootstrap=step.bootstrap,
        asking=step.query_sample(),
    )
    yield from _direction_metrics(step, (x, y), found.forward)
    yield from _direction_metrics(step, (y, x), found.backward)


def _direction_metrics(step: Cohort, modalities: tuple[str, str], found: Direction) -> Iterator[Metric]:
    sampled = len(found.asking) < len(step.rows)
    for measured, of in _all_metrics(step, modalities, found):
        yield _with_query_sample(measured, of) if sampled else measured


def _with_query_sample(found: Metric, of: int) -> Metric:
    """A number that a sample of so many queries was asked for, saying so."""
    if found.n >= of or found.value is None:
        return found
    error = float(found.replicates.std()) if len(found.replicates) else None
    sample = Sample(found.n, of, error, QUERY_SAMPLE)
    return replace(found, convention=found.convention + sample.describe(), sampled=sample)


def _all_metrics(step: Cohort, modalities: tuple[str, str], found: Direction) -> Iterator[tuple[Metric, int]]:
    """Each number, and how many queries there are for it."""
    way, n = "->".join(modalities), len(step.rows)
    for result in found.retrieval:
        yield from ((m, result.of) for m in _protocol_metrics(step, result, modalities, way))
    asked: dict[str, Any] = {"direction": way, "n_gallery": n}
    among = " among the studies that ask" if len(found.asking) < n else ""
    hubs = {**asked, "n_gallery": len(found.asking), "note": among}
    hubness = metrics_from(vars(found.hubness), modalities, extended=step.extended, **hubs)
    yield from ((m, n) for m in hubness)
    if step.extended:
        for name, values in step.label_columns():
            same = label_precision(
                found.nearest,
                found.which,
                values,
                groups=step.groups,
                bootstrap=step.bootstrap,
                asking=found.asking,
            )
            note = f"; label {name}"
            scored = metrics_from(vars(same), modalities, extended=True, note=note, label=name, **asked)
            yield from ((m, int((values != "").sum())) for m in scored)


def _protocol_metrics(
    step: Cohort, result: Retrieval, modalities: tuple[str, str], way: str
) -> Iterator[Metric]:
    where: dict[str, Any] = {"direction": way, "protocol": result.protocol, "n_gallery": result.n_gallery}
    for k, estimate in result.recall.items():
        yield metric(f"recall_at_{k}", modalities, estimate, **where)
    yield from metrics_from(vars(result), modalities, extended=step.extended, **where)


def right_answers(part: EmbeddingSet, a: str, b: str) -> RightAnswers:
    """Which studies answer each other when a asks b, for all studies of a part.

    Right answers share text or duplicate group; what is kept once is the text alone, where texts are
    known.
    """
    repeats = "gallery" if (part.key(b) != "").any() or not (part.key(a) != "").any() else "queries"
    texts = part.key(b if repeats == "gallery" else a)
    both = joint_keys(texts, part.rows[DUPLICATE].to_numpy(dtype=object))
    once = joint_keys(texts, np.full(len(texts), "")) if (texts != "").any() else both
    return RightAnswers(both, once, repeats)  # type: ignore[arg-type]


def _answers_of(answers: RightAnswers, rows: np.ndarray) -> RightAnswers:
    return RightAnswers(answers.related[rows], answers.same_text[rows], answers.repeats)
