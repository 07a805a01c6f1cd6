"""Caption scores with intervals: storage as JSON and paired differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from suture.analysis.statistics.bootstrap import FLOAT32, INTERVAL, Estimate, interval

PARTS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class FindingScore:
    """One finding over all studies, 0..1, higher = better; NaN with a reason if the denominator is 0.

    precision    of the generated reports that state it, the share whose reference does too
    recall       of the references that state it, the share whose generated report does too
    f1           2 hits / (n_generated + n_true)
    n_true, n_generated  reports that state it
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate
    n_true: int
    n_generated: int


@dataclass(frozen=True)
class CaptionScores:
    """Scores of one system on n studies.

    n, n_groups  studies given, and groups among those scored
    metrics      by name, in the order of CAPTION_METRICS; each Estimate has its n: studies whose reference
                 has no words are left out
    per_study    (n,) each: rouge_l, meteor_exact_stem, cider, chrf, of which the metrics are means, and
                 finding_f1 (NaN if neither text states a finding); NaN if left out
    findings     by name, for every finding that any text states
    groups       fingerprint of the groups scored; with seed and resamples it identifies the bootstrap draws
    """

    n: int
    n_groups: int
    metrics: dict[str, Estimate]
    per_study: dict[str, np.ndarray]
    findings: dict[str, FindingScore]
    groups: str = ""
    seed: int = 0
    resamples: int = 0
    interval: str = INTERVAL

    def to_json(self) -> dict[str, Any]:
        """All fields except the replicates, ready for JSON; NaN becomes null."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            **plain,
            "metrics": {name: _estimate_json(e) for name, e in self.metrics.items()},
            "per_study": {name: [_number(v) for v in values] for name, values in self.per_study.items()},
            "findings": {
                name: {**vars(f), **{part: _estimate_json(getattr(f, part)) for part in PARTS}}
                for name, f in self.findings.items()
            },
        }

    def replicates(self) -> np.ndarray:
        """(n_estimates, resamples) float32: metrics, then three per finding; NaN without an interval."""
        estimates = list(self._estimates())
        table = np.full((len(estimates), self.resamples), np.nan, np.float32)
        for row, estimate in zip(table, estimates, strict=True):
            row[: len(estimate.replicates)] = estimate.replicates
        return table

    def _estimates(self) -> Iterator[Estimate]:
        yield from self.metrics.values()
        for finding in self.findings.values():
            yield from (getattr(finding, part) for part in PARTS)


def scores_from_json(record: Mapping[str, Any], replicates: np.ndarray | None = None) -> CaptionScores:
    """The inverse of `CaptionScores.to_json`, with the table of `CaptionScores.replicates` if it was stored.

    Without it, values and intervals are available, but differences have no interval.
    """
    count = len(record["metrics"]) + len(PARTS) * len(record["findings"])
    rows = iter(replicates if replicates is not None else np.empty((count, 0)))
    metrics = {name: _estimate(kept, next(rows)) for name, kept in record["metrics"].items()}
    findings = {
        name: FindingScore(**{**kept, **{part: _estimate(kept[part], next(rows)) for part in PARTS}})
        for name, kept in record["findings"].items()
    }
    per_study = {name: np.array(values, dtype=float) for name, values in record["per_study"].items()}
    rest = {f.name: record[f.name] for f in fields(CaptionScores)}
    return CaptionScores(**{**rest, "metrics": metrics, "findings": findings, "per_study": per_study})


def score_difference(a: CaptionScores, b: CaptionScores) -> dict[str, Estimate]:
    """B - A of every metric, paired over the same resamples of groups, so that shared variation cancels.

    Positive = B is higher. Without an interval where A or B has none (distinct n).
    ValueError for other studies, groups, seeds or resamples.
    """
    for what in ("n", "n_groups", "groups", "seed", "resamples"):
        first, second = getattr(a, what), getattr(b, what)
        if first != second:
            raise ValueError(
                f"difference() pairs scores of the same studies only: {what} is {first} in A, {second} in B."
            )
    return {name: _difference(a.metrics[name], b.metrics[name]) for name in a.metrics if name in b.metrics}


def _difference(a: Estimate, b: Estimate) -> Estimate:
    if a.reason or b.reason:
        return replace(
            a, value=np.nan, low=np.nan, high=np.nan, replicates=np.empty(0), reason=a.reason or b.reason
        )
    paired = min(len(a.replicates), len(b.replicates))
    moved = b.replicates[:paired] - a.replicates[:paired]
    # Stored replicates are float32: ignore differences within rounding.
    moved = np.where(np.abs(moved) < FLOAT32 * max(1, abs(a.value)), 0, moved)
    low, high = interval(moved)
    return replace(a, value=b.value - a.value, low=low, high=high, resamples=paired, replicates=moved)


def _estimate_json(estimate: Estimate) -> dict[str, Any]:
    kept = {f.name: getattr(estimate, f.name) for f in fields(estimate) if f.name != "replicates"}
    return {**kept, **{name: _number(kept[name]) for name in ("value", "low", "high")}}


def _estimate(kept: Mapping[str, Any], replicates: np.ndarray) -> Estimate:
    numbers = {name: np.nan if kept[name] is None else kept[name] for name in ("value", "low", "high")}
    return Estimate(**{**kept, **numbers}, replicates=replicates[np.isfinite(replicates)])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
