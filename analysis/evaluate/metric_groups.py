"""Which metric is measured on what: a modality alone, a pair, all modalities together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from suture.analysis import gap
from suture.analysis.catalogue import CATALOGUE
from suture.analysis.distances import frechet, pairwise_distances, transport
from suture.analysis.evaluate.cohort import Cohort, metric
from suture.analysis.evaluate.record import Metric
from suture.analysis.evaluate.retrieval import retrieval_metrics
from suture.analysis.gap.concentration import gap_concentration, gap_constancy
from suture.analysis.geometry import spread
from suture.analysis.geometry.volumes import volumes
from suture.analysis.math.arrays import stacked_rows, unit_rows
from suture.analysis.mixing import (
    extended_mixing,
    joint_neighbours,
    mixing,
    mixing_by_label,
    modality_silhouette,
)
from suture.analysis.mixing import same_to_other as nearest_of_own_kind
from suture.analysis.mixing.separability import separability
from suture.analysis.structure.agreement import space_agreement
from suture.analysis.structure.clustering import cluster_scores, label_knn_accuracy


def modality_metrics(step: Cohort) -> Iterator[Metric]:
    """One modality: how narrow its cone is and how many directions it uses."""
    (z,) = step.vectors
    yield metric("angular_value", step.modalities, gap.angular_value(z, bootstrap=step.bootstrap))
    yield metric(
        "uniformity_wi", step.modalities, spread.uniformity_wi(z, bootstrap=step.bootstrap, seed=step.seed)
    )
    yield from step.metrics(spread.spread(z, bootstrap=step.bootstrap))
    if step.extended:
        yield from step.metrics(spread.isotropy(z, bootstrap=step.bootstrap))


def pair_metrics(step: Cohort) -> Iterator[Metric]:
    """Two modalities: the gap, the pairs, both clouds as one, mixing, retrieval both ways, labels."""
    x, y = step.vectors
    test = gap.gap_test(x, y, groups=step.groups, seed=step.seed)
    for found in step.metrics(gap.pair_gap(x, y, bootstrap=step.bootstrap)):
        yield replace(found, p=test.p) if found.name == "centroid_gap" else found
    stack, note = stacked_rows((x, y)), " on the stack of both modalities"
    pooled = spread.uniformity_wi(stack, bootstrap=step.bootstrap, seed=step.seed)
    yield metric("uniformity_wi", step.modalities, pooled, note=note)
    pooled = spread.uniformity_w2(stack, bootstrap=step.bootstrap)
    yield metric("uniformity_w2", step.modalities, pooled, note=note)
    yield from step.metrics(frechet(x, y, bootstrap=step.bootstrap))
    yield from _mixing_metrics(step)
    yield from step.metrics(separability(x, y, bootstrap=step.bootstrap, seed=step.seed))
    if step.extended:
        yield from _extended_metrics(step.sampled())
    yield from retrieval_metrics(step)
    yield from _label_metrics(step)


def joint_metrics(step: Cohort) -> Iterator[Metric]:
    """Three or more modalities at once."""
    yield from step.metrics(volumes(step.vectors, bootstrap=step.bootstrap))
    yield from _mixing_metrics(step)


def _mixing_metrics(step: Cohort) -> Iterator[Metric]:
    graph = joint_neighbours(step.vectors, seed=step.seed)
    yield from step.metrics(mixing(graph, bootstrap=step.bootstrap))
    if step.extended:
        yield from step.metrics(extended_mixing(graph, bootstrap=step.bootstrap))
        balance = nearest_of_own_kind(graph, bootstrap=step.bootstrap)
        for name, estimate in zip(step.modalities, balance, strict=True):
            yield metric("same_to_other", step.modalities, estimate, note=f"; of {name}", label=name)
        some = step.sampled()
        silhouette = modality_silhouette(list(map(unit_rows, some.vectors)), bootstrap=some.bootstrap)
        yield from some.metrics({"modality_silhouette": silhouette})


def _extended_metrics(step: Cohort) -> Iterator[Metric]:
    x, y = map(unit_rows, step.vectors)
    options: dict[str, Any] = {"bootstrap": step.bootstrap}
    yield from step.metrics(gap.pair_extras(x, y, **options))
    yield from step.metrics(pairwise_distances(x, y, seed=step.seed, **options))
    yield from step.metrics(transport(x, y, seed=step.seed, **options))
    yield from step.metrics(gap_concentration(x, y, **options))
    yield from step.metrics(gap_constancy(x, y, seed=step.seed, **options))
    yield from step.metrics({"gram_volume": volumes((x, y), **options).gram_volume})
    yield from step.metrics(space_agreement(x, y, seed=step.seed, **options))


def _label_metrics(step: Cohort) -> Iterator[Metric]:
    """Whether clusters and neighbours follow the labels or the modality."""
    for name, values in step.label_columns():
        found = cluster_scores(step.vectors, values, bootstrap=step.bootstrap, seed=step.seed)
        yield from step.metrics(found, note=f"; label {name}", label=name)
        if step.extended:
            mixed = mixing_by_label(step.vectors, values, bootstrap=step.bootstrap, seed=step.seed)
            yield from step.metrics(mixed, note=f"; label {name}", label=name)
            near = label_knn_accuracy(step.vectors, values, bootstrap=step.bootstrap, seed=step.seed)
            yield metric("label_knn_accuracy", step.modalities, near, note=f"; label {name}", label=name)


def pair_summaries(metrics: Sequence[Metric], names: tuple[str, ...]) -> Iterator[Metric]:
    """Mean and max over all pairs of modalities, without an interval of their own."""
    for name in gap.PairGap.__dataclass_fields__:
        found = [m for m in metrics if m.name == name and len(m.modalities) == 2 and m.value is not None]
        if not found:
            continue
        n, groups = min(m.n for m in found), min(m.n_groups for m in found)
        values = [m.value for m in found if m.value is not None]
        for label, reduce in (("mean", np.mean), ("max", np.max)):
            convention = f"{label} over {len(found)} pairs of modalities; intervals: see each pair"
            value = float(reduce(values))
            better = CATALOGUE[name].better
            yield Metric(f"{name}_{label}", names, value, None, None, n, groups, convention, better)
