"""The numbers of one set or two as tables: five to begin with, all of them, the control, the undefined."""

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


def key_numbers(evidence: ReportData) -> Table:
    """Distance of the clouds, of pairs, both at once, and what retrieval makes of it."""
    x, y = evidence.pair
    asked = [{"name": name, "modalities": (x, y)} for name in ("centroid_gap", "cos_true_pairs", "rmg")]
    asked += [
        {"name": "recall_at_10", "direction": f"{a}->{b}", "protocol": PROTOCOL} for a, b in ((x, y), (y, x))
    ]
    rows = []
    for which in asked:
        where = {key: value for key, value in which.items() if key not in ("name", "modalities")}
        found = [
            side.evaluation.find(str(which["name"]), *which.get("modalities", ()), **where)  # type: ignore[arg-type]
            for side in evidence.sides
        ]
        known = next((m for m in found if m is not None), None)
        if known is not None:
            values = [with_interval(m.name, m.value, m.low, m.high) if m else "" for m in found]
            rows.append((row_title(known), *values, known.measured_on, _meaning(known)))
    letters = "AB"[: len(evidence.sides)]
    columns = ("number", *letters, "n", "what it says")
    return Table("five-numbers", "Five numbers", columns, tuple(rows), "Values with 95 % intervals.")


def all_numbers(evaluation: Evaluation, letter: str) -> Table:
    """Every number of a set that is defined."""
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


def undefined(evidence: ReportData) -> Table | None:
    """What could not be measured, and why; None if all could."""
    rows = tuple(
        (letter, row_title(m), m.reason or "no reason is known")
        for letter, side in zip("AB", evidence.sides, strict=False)
        for m in side.evaluation.metrics
        if m.value is None
    )
    return Table("undefined", "Undefined numbers", ("set", "number", "why"), rows) if rows else None


def controls(evidence: ReportData) -> Table:
    """The permutation control of every set."""
    found = [
        (letter, control)
        for letter, side in zip("AB", evidence.sides, strict=False)
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
        for letter, c in found
    )
    tones: tuple[Tone, ...] = tuple("good" if c.holds else "bad" for _, c in found)
    note = (
        "The partners are shuffled and measured again. The gap does not know the pairs and must stay; the "
        "cosine of pairs must fall to that of strangers, and recall to chance. Where one does not hold, "
        "trust none of its kind."
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
    """The verdict on a control."""
    return "holds" if control.holds else "DOES NOT HOLD"


def _record(metric: Metric) -> dict[str, object]:
    """What JSON says of a number, flat: for a row of a file."""
    record = {**metric.to_json(), "modalities": " · ".join(metric.modalities)}
    return {**record, "sampled": metric.measured_on} if metric.sampled else record


def _meaning(metric: Metric) -> str:
    info = CATALOGUE[metric.name]
    return f"{info.meaning} {info.reading[0].upper() + info.reading[1:]}."


def _control_title(control: Control) -> str:
    where = control.direction.replace("->", " → ") if control.direction else " · ".join(control.modalities)
    return f"{metric_title(control.name)} {where}"
