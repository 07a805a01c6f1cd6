"""The sections of a report in order: verdict, comparison, details, all metrics, methods, provenance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from suture.analysis.gap.verdict import gap_summary
from suture.analysis.report import comparison, gallery, notes, numbers
from suture.analysis.report.elements import Element, Section, Text
from suture.analysis.report.report_data import ReportData


def document(evidence: ReportData) -> tuple[Section, ...]:
    """All sections in order; empty ones are left out."""
    return tuple(section for section in _sections(evidence) if section.parts)


def _sections(evidence: ReportData) -> Iterator[Section]:
    yield Section("verdict", "Verdict", (*_verdict(evidence), numbers.key_numbers(evidence)))
    if evidence.paired:
        yield comparison.numbers_section(evidence, evidence.paired)
    yield _of("controls", "Permutation control", [numbers.controls(evidence)])
    yield _of("cosines", "Cosines", [gallery.histograms(evidence)])
    yield _of("maps", "Maps of the studies", gallery.maps(evidence))
    yield _of("labels", "Cosine by label", gallery.labels(evidence))
    yield _of("worst", "True pairs with the lowest cosine", gallery.worst(evidence))
    if evidence.paired:
        yield from comparison.sections(evidence, evidence.paired)
    yield Section("numbers", "All metrics", tuple(_numbers(evidence)))
    yield _of("undefined", "Undefined metrics", [numbers.undefined(evidence)])
    yield notes.protocol_notes(evidence)
    yield notes.provenance(evidence)


def _verdict(evidence: ReportData) -> Iterator[Element]:
    """The comparison first, if any, then each set alone."""
    if evidence.paired:
        yield Text((evidence.paired.verdict.headline,), "verdict")
        yield Text(evidence.paired.verdict.reasons, "list")
    for letter, side in gallery.lettered(evidence):
        summary = gap_summary(side.evaluation, evidence.pair)
        if summary is None:
            x, y = evidence.pair
            yield Text(
                (f"{letter}: {side.name} has fewer than two studies with both {x} and {y} in this split.",)
            )
            continue
        more = tuple(line for line in (summary.explanation, summary.basis + ".", side.about) if line)
        yield Text((f"{letter}: {summary.headline}", *more), "lead" if evidence.paired else "verdict")
        if side.warning:
            yield Text((side.warning,), "warning")


def _numbers(evidence: ReportData) -> Iterator[Element]:
    for letter, side in gallery.lettered(evidence):
        yield replace(numbers.all_numbers(side.evaluation, letter), folded=evidence.paired is not None)
    if evidence.paired:
        rows = evidence.paired.table.rows
        yield numbers.differences(rows, "differences", "B − A", "Paired differences of all metrics.")


def _of(key: str, title: str, parts: Iterable[Element | None]) -> Section:
    return Section(key, title, tuple(part for part in parts if part is not None))
