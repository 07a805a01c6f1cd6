"""Notes on the methods, and the provenance of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from suture.analysis.catalogue import PROTOCOL_MEANING
from suture.analysis.compare.cells import protocol_label
from suture.analysis.report.elements import Section, Table, Text
from suture.analysis.report.gallery import lettered
from suture.analysis.report.report_data import ReportData

HASH = 64  # characters of a SHA-256; longer values get a line of their own


def protocol_notes(report: ReportData) -> Section:
    """Methods: studies, intervals, ties, protocols and galleries."""
    return Section("protocol", "Methods", (Text(tuple(_notes(report)), "list"), _galleries(report)))


def provenance(report: ReportData) -> Section:
    """Everything needed to reproduce the report."""
    tables = [
        _table(f"{letter}: {s.name}", f"made-from-{letter.lower()}", s.provenance)
        for letter, s in lettered(report)
    ]
    run = {"report made": report.made, "measured with": report.versions}
    return Section("provenance", "Provenance", (*tables, _table("This report", "this-report", run)))


def _notes(report: ReportData) -> Iterator[str]:
    first = report.sides[0].evaluation
    x, y = report.pair
    yield (
        f"{first.n - report.unpaired:,} of {first.n:,} studies of the split {report.split!r} have both "
        f"{x} and {y}; a study without a modality is left out of the metrics of that modality, and every "
        "metric states its n."
    )
    yield (
        f"Intervals: {first.interval}; {first.resamples:,} resamples, seed {first.seed}. They cover "
        "the sampling of studies, not another training seed, another split or another hospital."
    )
    if first.sampling:
        yield first.sampling
    if report.paired and report.paired.sampling:
        yield report.paired.sampling
    if report.paired:
        yield "A and B use the same resamples, so shared variation cancels in the difference."
    yield "Ties in retrieval count with their expectation over all orders."
    for name, meaning in PROTOCOL_MEANING.items():
        yield f"Protocol {protocol_label(name)}: {meaning}."
    yield "A smaller gap is not better by itself: read it with retrieval and the collapse warnings."
    yield "For research only. Not for diagnosis."


def _galleries(report: ReportData) -> Table:
    """Gallery sizes, without which recall cannot be interpreted."""
    galleries = {
        (m.direction or "", m.protocol or "", m.measured_on, f"{m.n_gallery:,}")
        for side in report.sides
        for m in side.evaluation.metrics
        if m.n_gallery and m.name == "recall_at_10"
    }
    rows = tuple((d.replace("->", " → "), protocol_label(p), n, size) for d, p, n, size in sorted(galleries))
    return Table("galleries", "Galleries", ("direction", "protocol", "queries", "items in the gallery"), rows)


def _table(title: str, key: str, facts: Mapping[str, Any]) -> Table:
    return Table(
        key, title, ("what", "value"), tuple((name, _as_text(value)) for name, value in facts.items())
    )


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        lines = [f"{name} {_as_text(of)}" for name, of in value.items()]
        return ("\n" if max(map(len, lines), default=0) > HASH else "; ").join(lines) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_as_text, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
