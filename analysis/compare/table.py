"""Every metric of two sets, with the paired difference, its interval and its verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from suture.analysis.catalogue import CATALOGUE, MetricInfo
from suture.analysis.compare.verdict_words import GAP_FAMILY, VerdictWord, verdict_word, widen_constant
from suture.analysis.evaluate import Evaluation, Metric
from suture.analysis.statistics.bootstrap import FLOAT32, MIN_GROUPS, interval
from suture.analysis.statistics.hypothesis_tests import bootstrap_p, holm

Winner = Literal["A", "B", "same", "neither"]

HEADLINE = (
    "centroid_gap",
    "centroid_gap_debiased",
    "cos_true_pairs",
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "effective_rank",
    "v_measure",
)
ROUNDING = 1e-12


@dataclass(frozen=True)
class MetricChange:
    """One metric of both sets. Fields that do not apply are None.

    difference  b - a; None where either is undefined
    low, high   its paired 95 % interval, from the same resamples of groups in both sets, so shared variation
                cancels; percentiles, centred where those of the metric are
    p           two-sided, from the same replicates; p_holm  adjusted over the headline of
                a pair of modalities
    margin      smallest relevant change, in units of the metric
    verdict     follows from interval and margin alone, see `compare.verdict_words.verdict_word`
    better      the better set if the interval decides; "same" if unchanged, else "neither"
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    direction: str | None
    protocol: str | None
    label: str | None
    a: Metric
    b: Metric
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    margin: float
    verdict: VerdictWord
    better: Winner

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**vars(self), "a": self.a.to_json(), "b": self.b.to_json()}


@dataclass(frozen=True)
class Comparison:
    """Sets a and b over the n studies of one split."""

    a: str
    b: str
    split: str
    n: int
    modalities: tuple[str, ...]
    rows: tuple[MetricChange, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**vars(self), "rows": [row.to_json() for row in self.rows]}

    def find(
        self, name: str, *modalities: str, direction: str | None = None, protocol: str | None = None
    ) -> MetricChange | None:
        """The first row of that name with a difference, for these modalities (in this order), or None."""
        for row in self.rows:
            same = row.name == name and (not modalities or row.modalities == modalities)
            wanted = ((direction, row.direction), (protocol, row.protocol))
            if same and row.difference is not None and all(w in (None, actual) for w, actual in wanted):
                return row
        return None


def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """Compare every metric that both evaluations have, in the order of a.

    Both sets hold the same studies, so their errors are correlated: overlapping intervals of A and B do not
    mean that the sets are equal. Use the interval of the difference.
    ValueError for different splits, modalities, numbers of studies or groups, or seeds of the resamples.
    """
    for what in ("split", "modalities", "n", "seed"):
        _require_equal(what, getattr(a, what), getattr(b, what))
    others = {m.key: m for m in b.metrics}
    both = [(m, others[m.key]) for m in a.metrics if m.key in others]
    all_equal = all(first.value == second.value for first, second in both)
    rows = [_metric_change(first, second, all_equal=all_equal) for first, second in both]
    return Comparison(a.set, b.set, a.split, a.n, a.modalities, _with_holm(rows, a.modalities))


def headline(comparison: Comparison) -> tuple[MetricChange, ...]:
    """The headline metrics in the order of `HEADLINE`; recall under the multi-positive protocol."""
    return tuple(sorted(filter(_in_headline, comparison.rows), key=lambda row: HEADLINE.index(row.name)))


def _in_headline(row: MetricChange) -> bool:
    return row.name in HEADLINE and row.protocol in (None, "multi_positive")


def _require_equal(what: str, a: object, b: object) -> None:
    if a != b:
        raise ValueError(f"compare() compares sets over the same studies only: {what} is {a} in A, {b} in B.")


def _metric_change(a: Metric, b: Metric, *, all_equal: bool) -> MetricChange:
    """all_equal: all metrics of A and B are equal, so a constant difference of 0 needs no wider interval."""
    for what in ("n", "n_groups", "n_gallery"):
        _require_equal(
            f"{what} of {a.name} ({' and '.join(a.modalities)})", getattr(a, what), getattr(b, what)
        )
    info = _catalogue_entry(a.name)
    title = info.title if info and info.name == a.name else a.name.replace("_", " ").capitalize()
    where = (a.modalities, a.direction, a.protocol, a.label)
    margin = _margin(info, a.value)
    if a.value is None or b.value is None:
        return MetricChange(
            a.name, title, *where, a, b, None, None, None, None, None, margin, "undefined", "neither"
        )
    difference = b.value - a.value
    paired = min(len(a.replicates), len(b.replicates))  # equal seeds give equal first draws
    replicates = _without_rounding(b.replicates[:paired] - a.replicates[:paired], a.value)
    low, high = interval(replicates) if paired else (None, None)
    p = bootstrap_p(replicates) if paired else None
    if a.name.startswith("recall_at_") and paired and not all_equal:
        low, high = widen_constant(low, high, replicates, a.n_groups)
    closes_from = a.value if a.name in GAP_FAMILY else None
    verdict = verdict_word(low, high, margin=margin, better=a.better, closes_from=closes_from)
    if not paired and abs(difference) <= ROUNDING * max(1, abs(a.value)) and a.n_groups >= MIN_GROUPS:
        verdict = "unchanged"  # equal values need no interval
    better = _winner(verdict, a.better, difference)
    return MetricChange(a.name, title, *where, a, b, difference, low, high, p, None, margin, verdict, better)


def _without_rounding(replicates: np.ndarray, size: float) -> np.ndarray:
    """Set differences within float32 rounding of the stored replicates to 0."""
    return np.where(np.abs(replicates) < FLOAT32 * max(1, abs(size)), 0, replicates)


def _catalogue_entry(name: str) -> MetricInfo | None:
    """The catalogue entry; a mean or maximum over pairs of modalities uses that of one pair."""
    return CATALOGUE.get(name) or CATALOGUE.get(name.removesuffix("_mean").removesuffix("_max"))


def _margin(info: MetricInfo | None, value: float | None) -> float:
    if info is None:
        return 0.0
    return max(info.margin_floor, info.margin * abs(value or 0.0)) if info.relative else info.margin


def _winner(verdict: VerdictWord, direction: str, difference: float) -> Winner:
    if verdict == "unchanged":
        return "same"
    if verdict in ("closed", "narrowed", "better", "worse"):
        return "B" if (difference > 0) == (direction == "higher") else "A"
    return "neither"


def _with_holm(rows: list[MetricChange], modalities: tuple[str, ...]) -> tuple[MetricChange, ...]:
    """Holm-adjusted p over the headline of each pair of modalities; the largest if in several families."""
    tested = [i for i, row in enumerate(rows) if _in_headline(row) and row.p is not None]
    worst = dict.fromkeys(tested, 0.0)
    for pair in combinations(modalities, min(2, len(modalities))):
        family = [i for i in tested if set(rows[i].modalities) <= set(pair)]
        for i, p in zip(family, holm(np.array([rows[i].p for i in family], dtype=float)), strict=True):
            worst[i] = max(worst[i], float(p))
    return tuple(replace(row, p_holm=worst[i]) if i in worst else row for i, row in enumerate(rows))
