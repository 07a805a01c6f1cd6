"""How to read the numbers, and what they were made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from suture.analysis.catalogue import PROTOCOL_MEANING
from suture.analysis.compare.cells import protocol_label
from suture.analysis.report.elements import Section, Table, Text
from suture.analysis.report.gallery import lettered
from suture.analysis.report.report_data import ReportData

HASH = 64  # letters of a SHA-256; what is longer gets a line of its own


def protocol_notes(evidence: ReportData) -> Section:
    """Studies, intervals, ties, protocols and galleries."""
    return Section(
        "protocol", "How it was measured", (Text(tuple(_notes(evidence)), "list"), _galleries(evidence))
    )


def provenance(evidence: ReportData) -> Section:
    """Everything that is needed to measure the same again."""
    tables = [
        _table(f"{letter}: {s.name}", f"made-from-{letter.lower()}", s.provenance)
        for letter, s in lettered(evidence)
    ]
    run = {"report made": evidence.made, "measured with": evidence.versions}
    return Section("provenance", "Where it comes from", (*tables, _table("This report", "this-report", run)))


def _notes(evidence: ReportData) -> Iterator[str]:
    first = evidence.sides[0].evaluation
    x, y = evidence.pair
    yield (
        f"{first.n - evidence.unpaired:,} of {first.n:,} studies of the split {evidence.split!r} have both "
        f"{x} and {y}; a study that lacks a modality is left out of what concerns it, and every number says "
        "its n."
    )
    yield (
        f"Intervals: {first.interval}; {first.resamples:,} resamples, seed {first.seed}. In them: which "
        "studies were drawn. Not in them: another training seed, another split, another hospital."
    )
    if first.sampling:
        yield first.sampling
    if evidence.paired and evidence.paired.sampling:
        yield evidence.paired.sampling
    if evidence.paired:
        yield "A and B see the same resamples, so what the studies share cancels from the difference."
    yield "Ties in retrieval count by their expectation over all orders: equal cosines are no luck."
    for name, meaning in PROTOCOL_MEANING.items():
        yield f"Protocol {protocol_label(name)}: {meaning}."
    yield "A smaller gap is not better by itself: read it beside retrieval and the guards."
    yield "For research only. Not for diagnosis."


def _galleries(evidence: ReportData) -> Table:
    """Recall means little without the number of items it was found among."""
    found = {
        (m.direction or "", m.protocol or "", m.measured_on, f"{m.n_gallery:,}")
        for side in evidence.sides
        for m in side.evaluation.metrics
        if m.n_gallery and m.name == "recall_at_10"
    }
    rows = tuple((d.replace("->", " → "), protocol_label(p), n, size) for d, p, n, size in sorted(found))
    return Table("galleries", "Galleries", ("direction", "protocol", "queries", "items in the gallery"), rows)


def _table(title: str, key: str, facts: Mapping[str, Any]) -> Table:
    return Table(key, title, ("what", "value"), tuple((name, _told(value)) for name, value in facts.items()))


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        told = [f"{name} {_told(of)}" for name, of in value.items()]
        return ("\n" if max(map(len, told), default=0) > HASH else "; ").join(told) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_told, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
