"""The result of an evaluation: metrics with intervals and conventions, and the permutation controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from suture.analysis.statistics.bootstrap import INTERVAL, Sample

MAX_EXACT_QUERIES = 100_000  # up to this many studies, all are queries; above, a seeded sample
SAMPLED_QUERIES = 10_000  # number of sampled queries
EXTENDED_SAMPLE = 20_000  # number of studies for the extended metrics, if sampled
QUERY_SAMPLE = "queries"
SAMPLING = (
    f"Sampled: above {MAX_EXACT_QUERIES:,} studies, retrieval uses {SAMPLED_QUERIES:,} seeded queries "
    "against the whole gallery, and hubs are counted among the query studies only. Each number states its "
    "sample and standard error; its interval covers the sampling."
)


@dataclass(frozen=True)
class Metric:
    """One metric with its interval, convention and context.

    value       None where it is undefined; `reason` says why
    low, high   95 % interval over groups; None where none is computed
    direction   "image->caption" for retrieval, else None; protocol likewise
    label       label column that clusters or results are compared with, else None
    p           of the permutation test for "no gap", only for the centroid gap
    sampled     the sample that it is computed on and the resulting standard error; None = all
    replicates  (resamples,) values under the resamples, empty without an interval; not in the JSON
    """

    name: str
    modalities: tuple[str, ...]
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_groups: int
    convention: str
    better: str
    direction: str | None = None
    protocol: str | None = None
    n_gallery: int | None = None
    label: str | None = None
    p: float | None = None
    reason: str | None = None
    sampled: Sample | None = None
    replicates: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    @property
    def measured_on(self) -> str:
        """Number of studies or queries, and of how many if sampled."""
        return f"{self.sampled.size:,} of {self.sampled.of:,}" if self.sampled else f"{self.n:,}"

    @property
    def key(self) -> tuple[object, ...]:
        """The key by which metrics of two sets are matched."""
        return self.name, self.modalities, self.direction, self.protocol, self.label

    def to_json(self) -> dict[str, Any]:
        """The applicable fields, ready for JSON."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "replicates"}
        shown["sampled"] = self.sampled and asdict(self.sampled)
        return {k: v for k, v in shown.items() if v is not None or k in ("value", "low", "high")}


@dataclass(frozen=True)
class Control:
    """A permutation control: a metric with true and with shuffled pairs.

    expected  expected value after shuffling: the true value for distribution metrics, chance for paired ones
    holds     whether the shuffled value is the expected one: exactly for the gap, else within sampling error
    n         number of studies or queries of the shuffled value
    """

    name: str
    modalities: tuple[str, ...]
    true: float
    shuffled: float
    expected: float
    holds: bool
    n: int
    direction: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """All metrics of one split of one embedding set."""

    set: str
    split: str
    n: int
    modalities: tuple[str, ...]
    metrics: tuple[Metric, ...]
    controls: tuple[Control, ...] = ()
    interval: str = INTERVAL
    seed: int = 0
    resamples: int = 0

    def to_json(self) -> dict[str, Any]:
        """The machine-readable form of `suture evaluate --json`."""
        record = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            **record,
            "modalities": list(self.modalities),
            "metrics": [m.to_json() for m in self.metrics],
            "controls": [asdict(c) for c in self.controls],
        }

    @property
    def sampling(self) -> str:
        """The sampling rule and sample in a sentence; "" if nothing was sampled."""
        sample = next((m.sampled for m in self.metrics if m.sampled and m.sampled.what == QUERY_SAMPLE), None)
        return f"{SAMPLING} Here {sample.size:,} of {sample.of:,} studies are queries." if sample else ""

    def find(
        self,
        name: str,
        *modalities: str,
        direction: str | None = None,
        protocol: str | None = None,
        label: str | None = None,
    ) -> Metric | None:
        """The first defined metric of that name for these modalities (in this order), or None."""
        for m in self.metrics:
            same = m.name == name and m.value is not None and (not modalities or m.modalities == modalities)
            wanted = ((direction, m.direction), (protocol, m.protocol), (label, m.label))
            if same and all(expected in (None, actual) for expected, actual in wanted):
                return m
        return None

    def replicates(self) -> np.ndarray:
        """(n_metrics, resamples) float32, NaN where a metric has fewer or none."""
        longest = max((len(m.replicates) for m in self.metrics), default=0)
        table = np.full((len(self.metrics), longest), np.nan, np.float32)
        for row, metric in zip(table, self.metrics, strict=True):
            row[: len(metric.replicates)] = metric.replicates
        return table


def evaluation_from_json(record: Mapping[str, Any], replicates: np.ndarray | None = None) -> Evaluation:
    """The inverse of `Evaluation.to_json`, with the table of `Evaluation.replicates` where it was kept."""
    kept = replicates if replicates is not None else np.empty((len(record["metrics"]), 0))
    metrics = tuple(_metric(m, row[np.isfinite(row)]) for m, row in zip(record["metrics"], kept, strict=True))
    controls = tuple(Control(**{**c, "modalities": tuple(c["modalities"])}) for c in record["controls"])
    rest = {f.name: record[f.name] for f in fields(Evaluation)}
    return Evaluation(
        **{**rest, "modalities": tuple(record["modalities"]), "metrics": metrics, "controls": controls}
    )


def _metric(record: Mapping[str, Any], replicates: np.ndarray) -> Metric:
    sampled = record.get("sampled") and Sample(**record["sampled"])
    return Metric(
        **{**record, "modalities": tuple(record["modalities"]), "sampled": sampled}, replicates=replicates
    )
