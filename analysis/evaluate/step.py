"""The studies that a metric is measured on, and how an estimate becomes a metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.arrays import unit_rows
from analysis.catalogue import CATALOGUE
from analysis.evaluate.record import Metric
from analysis.uncertainty import Estimate, GroupBootstrap
from data.collection import GROUP
from data.embeddings import EmbeddingSet

LABEL_VALUES = range(2, 31)  # labels with fewer or more values are not held against clusters
MAX_LABELS = 3


@dataclass(frozen=True)
class Step:
    """The studies of one part that have all of some modalities, and how to resample them.

    vectors  one (n, dim) float64 array of unit rows a modality; the same object in every step over the same
             studies, so that its sums under the resamples are taken once
    """

    part: EmbeddingSet
    modalities: tuple[str, ...]
    rows: np.ndarray
    bootstrap: GroupBootstrap
    vectors: list[np.ndarray]
    seed: int
    extended: bool

    @property
    def groups(self) -> np.ndarray:
        """(n,) int, the group of each study."""
        return self.bootstrap.codes

    def of_modality(self, name: str) -> np.ndarray:
        """(n, dim) of one modality."""
        return self.vectors[self.modalities.index(name)]

    def metrics(self, measured: object, *, note: str = "", **where: Any) -> Iterator[Metric]:
        """A dataclass of estimates whose fields are names of the catalogue."""
        yield from named(vars(measured), self.modalities, extended=self.extended, note=note, **where)

    def labelled(self) -> Iterator[tuple[str, np.ndarray]]:
        """The first label columns that have few values, (n,) of str each, "" = no label."""
        columns = {name: self.part.rows[name].to_numpy(str)[self.rows] for name in self.part.labels}
        fit = [(name, v) for name, v in columns.items() if len(set(v) - {""}) in LABEL_VALUES]
        yield from fit[:MAX_LABELS]


class Steps:
    """The steps of one part: those over the same studies share their resamples and their rows."""

    def __init__(self, part: EmbeddingSet, *, resamples: int, seed: int, extended: bool) -> None:
        self.part, self.resamples, self.seed, self.extended = part, resamples, seed, extended
        self._known: dict[bytes, tuple[GroupBootstrap, dict[str, np.ndarray]]] = {}

    def over(self, modalities: Sequence[str]) -> Step | None:
        """The step over some modalities; None where fewer than two studies have them all."""
        rows = self.part.rows_with(*modalities)
        if len(rows) < 2:
            return None
        if rows.tobytes() not in self._known:
            groups = self.part.rows[GROUP].to_numpy()[rows]
            bootstrap = GroupBootstrap(groups, resamples=self.resamples, seed=self.seed)
            self._known[rows.tobytes()] = bootstrap, {}
        bootstrap, units = self._known[rows.tobytes()]
        for m in modalities:
            if m not in units:
                units[m] = unit_rows(self.part.vectors[m][rows])
        vectors = [units[m] for m in modalities]
        return Step(self.part, tuple(modalities), rows, bootstrap, vectors, self.seed, self.extended)


def named(
    estimates: Mapping[str, object],
    modalities: tuple[str, ...],
    *,
    extended: bool,
    note: str = "",
    **where: Any,
) -> Iterator[Metric]:
    """Those of the values that are estimates under a name of the catalogue and asked for."""
    for name, estimate in estimates.items():
        if isinstance(estimate, Estimate) and (extended or not CATALOGUE[name].extended):
            yield metric(name, modalities, estimate, note=note, **where)


def metric(
    name: str, modalities: tuple[str, ...], estimate: Estimate, *, note: str = "", **where: Any
) -> Metric:
    """An estimate under the name, convention and direction of the catalogue."""
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
        replicates=estimate.replicates,
        **where,
    )


def _known(value: float) -> float | None:
    """None instead of NaN and infinity, which JSON does not have."""
    return float(value) if np.isfinite(value) else None
