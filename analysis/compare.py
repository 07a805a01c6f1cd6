"""Two embedding sets side by side: every number of both, and which of them is better."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from analysis.catalogue import CATALOGUE
from analysis.evaluate import Evaluation, Metric

Winner = Literal["A", "B", "same", "neither"]

HEADLINE = (
    "centroid_gap",
    "centroid_gap_debiased",
    "centroid_gap_floor",
    "cos_true_pairs",
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "effective_rank",
    "v_measure",
)


@dataclass(frozen=True)
class Row:
    """One number of both sets.

    difference  b - a
    better      by the sign of the difference and the metric's direction; "neither" where the metric has none
    separate    True where the two 95 % intervals do not overlap; None where there are none
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    direction: str | None
    protocol: str | None
    label: str | None
    a: Metric
    b: Metric
    difference: float
    better: Winner
    separate: bool | None

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "a": self.a.to_json(), "b": self.b.to_json()}


@dataclass(frozen=True)
class Comparison:
    """Sets a and b over the n studies of one split."""

    a: str
    b: str
    split: str
    n: int
    modalities: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return {**asdict(self), "rows": [row.to_json() for row in self.rows]}


def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """Every metric that both evaluations have, in the order of a.

    Both sets hold the same studies, so their errors go together: intervals that overlap do not mean
    that the sets are alike. This is the simple table; tests of the paired difference are not in it.
    ValueError for different splits, modalities or numbers of studies.
    """
    for what in ("split", "modalities", "n"):
        _same(what, getattr(a, what), getattr(b, what))
    others = {_key(m): m for m in b.metrics}
    rows = tuple(_row(m, others[_key(m)]) for m in a.metrics if _key(m) in others)
    return Comparison(a.set, b.set, a.split, a.n, a.modalities, rows)


def headline(comparison: Comparison) -> tuple[Row, ...]:
    """The short list people look at, in its own order; recall by the multi-positive protocol."""
    rows = [r for r in comparison.rows if r.name in HEADLINE and r.protocol in (None, "multi_positive")]
    return tuple(sorted(rows, key=lambda row: HEADLINE.index(row.name)))


def _same(what: str, a: object, b: object) -> None:
    if a != b:
        raise ValueError(f"compare() compares sets over the same studies only: {what} is {a} in A, {b} in B.")


def _key(metric: Metric) -> tuple[object, ...]:
    return metric.name, metric.modalities, metric.direction, metric.protocol, metric.label


def _row(a: Metric, b: Metric) -> Row:
    _same(f"n of {a.name} ({' and '.join(a.modalities)})", a.n, b.n)
    title = CATALOGUE[a.name].title if a.name in CATALOGUE else a.name.replace("_", " ")
    difference = b.value - a.value
    where = (a.modalities, a.direction, a.protocol, a.label)
    return Row(a.name, title, *where, a, b, difference, _better(difference, a.better), _separate(a, b))


def _better(difference: float, direction: str) -> Winner:
    if direction == "neither":
        return "neither"
    if difference == 0:
        return "same"
    return "B" if (difference > 0) == (direction == "higher") else "A"


def _separate(a: Metric, b: Metric) -> bool | None:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    return a.high < b.low or b.high < a.low
