"""The sections of a report in order: verdict, comparison, details, all metrics, methods, provenance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from suture.analysis.gap.verdict import gap_summary
from suture.analysis.report import comparison, gallery, notes, numbers
from suture.analysis.report.elements import Element, Section, Text
from suture.analysis.report.report_data import ReportData


def document(report: ReportData) -> tuple[Section, ...]:
    """All sections in order; empty ones are left out."""
    return tuple(section for section in _sections(report) if section.parts)


def _sections(report: ReportData) -> Iterator[Section]:
    yield Section("verdict", "Verdict", (*_verdict(report), numbers.key_numbers(report)))
    if report.paired:
        yield comparison.numbers_section(report, report.paired)
    yield _of("controls", "Permutation control", [numbers.controls(report)])
    yield _of("cosines", "Cosines", [gallery.histograms(report)])
    yield _of("maps", "Maps of the studies", gallery.maps(report))
    yield _of("labels", "Cosine by label", gallery.labels(report))
    yield _of("worst", "True pairs with the lowest cosine", gallery.worst(report))
    if report.paired:
        yield from comparison.sections(report, report.paired)
    yield Section("numbers", "All metrics", tuple(_numbers(report)))
    yield _of("undefined", "Undefined metrics", [numbers.undefined(report)])
    yield notes.protocol_notes(report)
    yield notes.provenance(report)


def _verdict(report: ReportData) -> Iterator[Element]:
    """The comparison first, if any, then each set alone."""
    if report.paired:
        yield Text((report.paired.verdict.headline,), "verdict")
        yield Text(report.paired.verdict.reasons, "list")
    for letter, side in gallery.lettered(report):
        summary = gap_summary(side.evaluation, report.pair)
        if summary is None:
            x, y = report.pair
            yield Text(
                (f"{letter}: {side.name} has fewer than two studies with both {x} and {y} in this split.",)
            )
            continue
        more = tuple(line for line in (summary.explanation, summary.basis + ".", side.about) if line)
        yield Text((f"{letter}: {summary.headline}", *more), "lead" if report.paired else "verdict")
        if side.warning:
            yield Text((side.warning,), "warning")


def _numbers(report: ReportData) -> Iterator[Element]:
    for letter, side in gallery.lettered(report):
        yield replace(numbers.all_numbers(side.evaluation, letter), folded=report.paired is not None)
    if report.paired:
        rows = report.paired.table.rows
        yield numbers.differences(rows, "differences", "B − A", "Paired differences of all metrics.")


def _of(key: str, title: str, parts: Iterable[Element | None]) -> Section:
    return Section(key, title, tuple(part for part in parts if part is not None))
