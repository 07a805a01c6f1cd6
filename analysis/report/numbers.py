"""Tables of metrics: key metrics, all metrics, the permutation control, undefined metrics, differences."""

from __future__ import annotations

from collections.abc import Sequence

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare import MetricChange
from suture.analysis.compare.cells import (
    PROTOCOL,
    metric_title,
    number_cells,
    protocol_label,
    row_title,
    text_cells,
    with_interval,
)
from suture.analysis.evaluate import Control, Evaluation, Metric
from suture.analysis.report.elements import Table, Tone
from suture.analysis.report.report_data import ReportData

TONES: dict[str, Tone] = {
    "closed": "good",
    "narrowed": "good",
    "better": "good",
    "worse": "bad",
    "changed": "other",
}


def key_numbers(report: ReportData) -> Table:
    """The five key metrics: centroid gap, cosine of true pairs, RMG, and recall in both directions."""
    x, y = report.pair
    wanted = [{"name": name, "modalities": (x, y)} for name in ("centroid_gap", "cos_true_pairs", "rmg")]
    wanted += [
        {"name": "recall_at_10", "direction": f"{a}->{b}", "protocol": PROTOCOL} for a, b in ((x, y), (y, x))
    ]
    rows = []
    for which in wanted:
        where = {key: value for key, value in which.items() if key not in ("name", "modalities")}
        metrics = [
            side.evaluation.find(str(which["name"]), *which.get("modalities", ()), **where)  # type: ignore[arg-type]
            for side in report.sides
        ]
        known = next((m for m in metrics if m is not None), None)
        if known is not None:
            values = [with_interval(m.name, m.value, m.low, m.high) if m else "" for m in metrics]
            rows.append((row_title(known), *values, known.measured_on, _meaning(known)))
    letters = "AB"[: len(report.sides)]
    columns = ("number", *letters, "n", "meaning")
    return Table("five-numbers", "Key metrics", columns, tuple(rows), "Values with 95 % intervals.")


def all_numbers(evaluation: Evaluation, letter: str) -> Table:
    """Every defined metric of a set."""
    known = [m for m in evaluation.metrics if m.value is not None]
    rows = tuple(
        (
            row_title(m),
            protocol_label(m.protocol),
            with_interval(m.name, m.value, m.low, m.high),
            m.measured_on,
            m.better,
            m.convention,
        )
        for m in known
    )
    columns = ("number", "protocol", "value (95 % interval)", "n", "better", "convention")
    data = tuple(map(_record, known))
    titles = tuple(dict.fromkeys(key for row in data for key in row))
    filled = tuple({key: row.get(key) for key in titles} for row in data)
    note = f"Intervals: {evaluation.interval}. {evaluation.sampling}".strip()
    return Table(f"numbers-{letter.lower()}", f"{letter}: {evaluation.set}", columns, rows, note, filled)


def undefined(report: ReportData) -> Table | None:
    """Undefined metrics and the reasons; None if all are defined."""
    rows = tuple(
        (letter, row_title(m), m.reason or "unknown reason")
        for letter, side in zip("AB", report.sides, strict=False)
        for m in side.evaluation.metrics
        if m.value is None
    )
    return Table("undefined", "Undefined metrics", ("set", "number", "reason"), rows) if rows else None


def controls(report: ReportData) -> Table:
    """The permutation control of every set."""
    pairs = [
        (letter, control)
        for letter, side in zip("AB", report.sides, strict=False)
        for control in side.evaluation.controls
    ]
    rows = tuple(
        (
            letter,
            _control_title(c),
            *(f"{v:.3f}" for v in (c.true, c.shuffled, c.expected)),
            f"{c.n:,}",
            holds(c),
        )
        for letter, c in pairs
    )
    tones: tuple[Tone, ...] = tuple("good" if c.holds else "bad" for _, c in pairs)
    note = (
        "The pairs are shuffled and measured again. The gap ignores the pairing and must not change; the "
        "cosine of pairs must fall to that of random pairs, and recall to chance. If a check does not "
        "hold, do not trust metrics of that kind."
    )
    columns = ("set", "number", "true", "shuffled", "expected", "n", "verdict")
    return Table("controls", "Permutation control", columns, rows, note, tones=tones)


def differences(rows: Sequence[MetricChange], key: str, name: str, note: str) -> Table:
    """A and B side by side with the paired difference and its verdict."""
    columns = ("number", "A", "B", "B − A", "p", "verdict")  # as of `text_cells`
    shown = tuple(tuple(text_cells(row).values()) for row in rows)
    tones: tuple[Tone, ...] = tuple(TONES.get(row.verdict, "open") for row in rows)
    return Table(key, name, columns, shown, note, tuple(map(number_cells, rows)), tones)


def holds(control: Control) -> str:
    """The verdict on a permutation control."""
    return "holds" if control.holds else "DOES NOT HOLD"


def _record(metric: Metric) -> dict[str, object]:
    """The JSON record of a metric, flattened to one CSV row."""
    record = {**metric.to_json(), "modalities": " · ".join(metric.modalities)}
    return {**record, "sampled": metric.measured_on} if metric.sampled else record


def _meaning(metric: Metric) -> str:
    info = CATALOGUE[metric.name]
    return f"{info.meaning} {info.reading[0].upper() + info.reading[1:]}."


def _control_title(control: Control) -> str:
    where = control.direction.replace("->", " → ") if control.direction else " · ".join(control.modalities)
    return f"{metric_title(control.name)} {where}"
