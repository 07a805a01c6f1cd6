"""What an evaluation says: every number with all that is needed to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from suture.analysis.statistics.bootstrap import INTERVAL, Sample

MAX_EXACT_QUERIES = 100_000  # studies up to which each asks; above, a seeded sample of them asks all
SAMPLED_QUERIES = 10_000  # studies that ask then
EXTENDED_SAMPLE = 20_000  # studies that the further numbers, of `extended`, are measured on then
QUERY_SAMPLE = "queries"
SAMPLING = (
    f"Sampled: above {MAX_EXACT_QUERIES:,} studies, retrieval uses {SAMPLED_QUERIES:,} seeded queries "
    "against the whole gallery, and hubs are counted among the query studies only. Each number states its "
    "sample and standard error; its interval covers the sampling."
)


def _no_replicates() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True)
class Metric:
    """One number with everything needed to read it.

    value       None where it is undefined; `reason` says why
    low, high   95 % interval over groups; None where none is computed
    direction   "image->caption" for retrieval, else None; protocol likewise
    label       column of labels that clusters and lists are held against, else None
    p           of the permutation test for "no gap", for the centroid gap alone
    sampled     the sample that it was taken from, and the standard error which that leaves; None = all
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
    replicates: np.ndarray = field(default_factory=_no_replicates, repr=False, compare=False)

    @property
    def measured_on(self) -> str:
        """How many studies or queries, and of how many where a sample was drawn."""
        return f"{self.sampled.size:,} of {self.sampled.of:,}" if self.sampled else f"{self.n:,}"

    @property
    def key(self) -> tuple[object, ...]:
        """What two sets must share for their numbers to stand side by side."""
        return self.name, self.modalities, self.direction, self.protocol, self.label

    def to_json(self) -> dict[str, Any]:
        """Fields that apply, ready for JSON."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "replicates"}
        shown["sampled"] = self.sampled and asdict(self.sampled)
        return {k: v for k, v in shown.items() if v is not None or k in ("value", "low", "high")}


@dataclass(frozen=True)
class Control:
    """The permutation control: the same number once the partners are shuffled.

    expected  what shuffling must give: the true value for distribution metrics, chance for pair-aware ones
    holds     whether the shuffled value is the expected one: exactly for the gap, else within chance
    n         studies or queries that the shuffled value is of
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
        """What was sampled by which rule, in a sentence; "" where every study asked."""
        asked = next((m.sampled for m in self.metrics if m.sampled and m.sampled.what == QUERY_SAMPLE), None)
        return f"{SAMPLING} Here {asked.size:,} of {asked.of:,} studies are queries." if asked else ""

    def find(
        self,
        name: str,
        *modalities: str,
        direction: str | None = None,
        protocol: str | None = None,
        label: str | None = None,
    ) -> Metric | None:
        """The first metric of that name that is defined, for these modalities (in this order), or None."""
        for m in self.metrics:
            same = m.name == name and m.value is not None and (not modalities or m.modalities == modalities)
            wanted = ((direction, m.direction), (protocol, m.protocol), (label, m.label))
            if same and all(asked in (None, found) for asked, found in wanted):
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
