"""The studies that metrics are computed on, and the conversion of estimates to metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.evaluate.record import EXTENDED_SAMPLE, MAX_EXACT_QUERIES, SAMPLED_QUERIES, Metric
from suture.analysis.math.arrays import UnitRows
from suture.analysis.statistics.bootstrap import (
    Estimate,
    GroupBootstrap,
    Sample,
    seeded_sample,
    subset_bootstrap,
)
from suture.data.collection import GROUP
from suture.data.embedding_set import EmbeddingSet

LABEL_VALUES = range(2, 31)  # label columns with fewer or more values are not compared with clusters
MAX_LABELS = 3


@dataclass(frozen=True)
class Cohort:
    """The studies of one split that have all of some modalities, and their bootstrap.

    vectors  unit rows (n, dim) of each modality, read by blocks if large; cohorts over the same studies share
             the object, so that its bootstrap sums are computed once
    of       number of studies from which these were sampled, if they are a sample
    """

    part: EmbeddingSet
    modalities: tuple[str, ...]
    rows: np.ndarray
    bootstrap: GroupBootstrap
    vectors: list[UnitRows]
    seed: int
    extended: bool
    of: int | None = None

    @property
    def groups(self) -> np.ndarray:
        """(n,) int, the group of each study."""
        return self.bootstrap.codes

    def of_modality(self, name: str) -> UnitRows:
        """(n, dim) of one modality."""
        return self.vectors[self.modalities.index(name)]

    def query_sample(self) -> np.ndarray | None:
        """Row numbers of the query studies, a seeded sample; None if all are queries."""
        return query_sample(len(self.rows), seed=self.seed)

    def sampled(self) -> Cohort:
        """A sample of the cohort if it is large, for metrics that need all rows in memory."""
        n = len(self.rows)
        if n <= MAX_EXACT_QUERIES:
            return self
        chosen = seeded_sample(n, EXTENDED_SAMPLE, self.seed)
        bootstrap = subset_bootstrap(self.bootstrap, chosen, n)
        vectors = [UnitRows(z.take(chosen)) for z in self.vectors]
        return replace(self, rows=self.rows[chosen], bootstrap=bootstrap, vectors=vectors, of=n)

    def metrics(self, measured: object, *, note: str = "", **where: Any) -> Iterator[Metric]:
        """Metrics from a dataclass or mapping of estimates by catalogue name."""
        estimates = measured if isinstance(measured, Mapping) else vars(measured)
        for metric in metrics_from(estimates, self.modalities, extended=self.extended, note=note, **where):
            yield metric if self.of is None else self._marked(metric)

    def _marked(self, metric: Metric) -> Metric:
        """The metric with a note on its sample."""
        if metric.sampled or metric.value is None or self.of is None:
            return metric
        error = float(metric.replicates.std()) if len(metric.replicates) else None
        sample = Sample(len(self.rows), self.of, error)
        return replace(metric, convention=metric.convention + sample.describe(), sampled=sample)

    def label_columns(self) -> Iterator[tuple[str, np.ndarray]]:
        """The first label columns with few values, (n,) of str each, "" = no label."""
        columns = ((name, self.part.rows[name].iloc[self.rows]) for name in self.part.labels)
        for name, column in islice((c for c in columns if has_few_values(c[1])), MAX_LABELS):
            yield name, column.to_numpy(str)


def has_few_values(column: pd.Series) -> bool:
    """Whether a label column is compared with clusters: 2 to 30 values; "" is no value."""
    return len({*map(str, column.unique())} - {""}) in LABEL_VALUES


def query_sample(n: int, *, seed: int = 0) -> np.ndarray | None:
    """Row numbers of the studies used as retrieval queries, ascending; None if all of the n studies are."""
    return seeded_sample(n, SAMPLED_QUERIES, seed) if n > MAX_EXACT_QUERIES else None


class Cohorts:
    """The cohorts of one split; those over the same studies share resamples and rows."""

    def __init__(self, part: EmbeddingSet, *, resamples: int, seed: int, extended: bool) -> None:
        self.part, self.resamples, self.seed, self.extended = part, resamples, seed, extended
        self._known: dict[bytes, tuple[GroupBootstrap, dict[str, UnitRows]]] = {}

    def over(self, modalities: Sequence[str]) -> Cohort | None:
        """The cohort over some modalities; None if fewer than two studies have them all."""
        rows = self.part.rows_with(*modalities)
        if len(rows) < 2:
            return None
        key = rows.tobytes()
        for other, (bootstrap, _) in self._known.items():
            if other != key:  # with missing modalities there can be many sets of studies
                bootstrap.release_draws()
        if key not in self._known:
            groups = self.part.rows[GROUP].to_numpy()[rows]
            bootstrap = GroupBootstrap(groups, resamples=self.resamples, seed=self.seed)
            self._known[key] = bootstrap, {}
        bootstrap, units = self._known[key]
        for m in modalities:
            if m not in units:
                some = None if len(rows) == len(self.part) else rows
                units[m] = UnitRows(self.part.vectors[m], rows=some)
        vectors = [units[m] for m in modalities]
        return Cohort(self.part, tuple(modalities), rows, bootstrap, vectors, self.seed, self.extended)


def metrics_from(
    estimates: Mapping[str, object],
    modalities: tuple[str, ...],
    *,
    extended: bool,
    note: str = "",
    **where: Any,
) -> Iterator[Metric]:
    """Metrics of the values that are estimates; extended ones only if requested."""
    for name, estimate in estimates.items():
        if isinstance(estimate, Estimate) and (extended or not CATALOGUE[name].extended):
            yield metric(name, modalities, estimate, note=note, **where)


def metric(
    name: str, modalities: tuple[str, ...], estimate: Estimate, *, note: str = "", **where: Any
) -> Metric:
    """A metric with the convention and direction of the catalogue."""
    info = CATALOGUE[name]
    return Metric(
        name,
        modalities,
        _known(estimate.value),
        _known(estimate.low),
        _known(estimate.high),
        estimate.n,
        estimate.n_groups,
        info.convention + note + estimate.note,
        info.better,
        reason=estimate.reason or None,
        sampled=estimate.sample,
        replicates=estimate.replicates,
        **where,
    )


def _known(value: float) -> float | None:
    """None for NaN and infinity, which JSON cannot represent."""
    return float(value) if np.isfinite(value) else None
