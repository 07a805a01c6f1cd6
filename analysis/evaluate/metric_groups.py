"""The metrics of each group: of one modality, of a pair, of all modalities jointly."""

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


def modality_metrics(cohort: Cohort) -> Iterator[Metric]:
    """One modality: cone, uniformity, effective rank, isotropy."""
    (z,) = cohort.vectors
    yield metric("angular_value", cohort.modalities, gap.angular_value(z, bootstrap=cohort.bootstrap))
    yield metric(
        "uniformity_wi",
        cohort.modalities,
        spread.uniformity_wi(z, bootstrap=cohort.bootstrap, seed=cohort.seed),
    )
    yield from cohort.metrics(spread.spread(z, bootstrap=cohort.bootstrap))
    if cohort.extended:
        yield from cohort.metrics(spread.isotropy(z, bootstrap=cohort.bootstrap))


def pair_metrics(cohort: Cohort) -> Iterator[Metric]:
    """Two modalities: gap, pairs, uniformity of the stack, distances, mixing, retrieval, labels."""
    x, y = cohort.vectors
    test = gap.gap_test(x, y, groups=cohort.groups, seed=cohort.seed)
    for one in cohort.metrics(gap.pair_gap(x, y, bootstrap=cohort.bootstrap)):
        yield replace(one, p=test.p) if one.name == "centroid_gap" else one
    stack, note = stacked_rows((x, y)), " on the stack of both modalities"
    pooled = spread.uniformity_wi(stack, bootstrap=cohort.bootstrap, seed=cohort.seed)
    yield metric("uniformity_wi", cohort.modalities, pooled, note=note)
    pooled = spread.uniformity_w2(stack, bootstrap=cohort.bootstrap)
    yield metric("uniformity_w2", cohort.modalities, pooled, note=note)
    yield from cohort.metrics(frechet(x, y, bootstrap=cohort.bootstrap))
    yield from _mixing_metrics(cohort)
    yield from cohort.metrics(separability(x, y, bootstrap=cohort.bootstrap, seed=cohort.seed))
    if cohort.extended:
        yield from _extended_metrics(cohort.sampled())
    yield from retrieval_metrics(cohort)
    yield from _label_metrics(cohort)


def joint_metrics(cohort: Cohort) -> Iterator[Metric]:
    """Three or more modalities jointly: volumes and mixing."""
    yield from cohort.metrics(volumes(cohort.vectors, bootstrap=cohort.bootstrap))
    yield from _mixing_metrics(cohort)


def _mixing_metrics(cohort: Cohort) -> Iterator[Metric]:
    graph = joint_neighbours(cohort.vectors, seed=cohort.seed)
    yield from cohort.metrics(mixing(graph, bootstrap=cohort.bootstrap))
    if cohort.extended:
        yield from cohort.metrics(extended_mixing(graph, bootstrap=cohort.bootstrap))
        balance = nearest_of_own_kind(graph, bootstrap=cohort.bootstrap)
        for name, estimate in zip(cohort.modalities, balance, strict=True):
            yield metric("same_to_other", cohort.modalities, estimate, note=f"; of {name}", label=name)
        some = cohort.sampled()
        silhouette = modality_silhouette(list(map(unit_rows, some.vectors)), bootstrap=some.bootstrap)
        yield from some.metrics({"modality_silhouette": silhouette})


def _extended_metrics(cohort: Cohort) -> Iterator[Metric]:
    x, y = map(unit_rows, cohort.vectors)
    options: dict[str, Any] = {"bootstrap": cohort.bootstrap}
    yield from cohort.metrics(gap.pair_extras(x, y, **options))
    yield from cohort.metrics(pairwise_distances(x, y, seed=cohort.seed, **options))
    yield from cohort.metrics(transport(x, y, seed=cohort.seed, **options))
    yield from cohort.metrics(gap_concentration(x, y, **options))
    yield from cohort.metrics(gap_constancy(x, y, seed=cohort.seed, **options))
    yield from cohort.metrics({"gram_volume": volumes((x, y), **options).gram_volume})
    yield from cohort.metrics(space_agreement(x, y, seed=cohort.seed, **options))


def _label_metrics(cohort: Cohort) -> Iterator[Metric]:
    """Agreement of clusters and neighbours with labels and modality."""
    for name, values in cohort.label_columns():
        scores = cluster_scores(cohort.vectors, values, bootstrap=cohort.bootstrap, seed=cohort.seed)
        yield from cohort.metrics(scores, note=f"; label {name}", label=name)
        if cohort.extended:
            mixed = mixing_by_label(cohort.vectors, values, bootstrap=cohort.bootstrap, seed=cohort.seed)
            yield from cohort.metrics(mixed, note=f"; label {name}", label=name)
            near = label_knn_accuracy(cohort.vectors, values, bootstrap=cohort.bootstrap, seed=cohort.seed)
            yield metric("label_knn_accuracy", cohort.modalities, near, note=f"; label {name}", label=name)


def pair_summaries(metrics: Sequence[Metric], names: tuple[str, ...]) -> Iterator[Metric]:
    """Mean and max over all pairs of modalities, without an interval of their own."""
    for name in gap.PairGap.__dataclass_fields__:
        per_pair = [m for m in metrics if m.name == name and len(m.modalities) == 2 and m.value is not None]
        if not per_pair:
            continue
        n, groups = min(m.n for m in per_pair), min(m.n_groups for m in per_pair)
        values = [m.value for m in per_pair if m.value is not None]
        for label, reduce in (("mean", np.mean), ("max", np.max)):
            convention = f"{label} over {len(per_pair)} pairs of modalities; intervals: see each pair"
            value = float(reduce(values))
            better = CATALOGUE[name].better
            yield Metric(f"{name}_{label}", names, value, None, None, n, groups, convention, better)
