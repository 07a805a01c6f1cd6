"""Charts and tables of each set: histograms, maps, cosine by label, pairs with the lowest cosine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from suture.analysis import figures
from suture.analysis.report.elements import Chart, Table
from suture.analysis.report.report_data import ReportData, ReportMap, ReportSet, StudyExcerpt

MOST_POINTS = 2_000  # studies on a map; more make a large file that prints slowly
LABELS = "mean cosine of true pairs, 95 % interval"


def histograms(report: ReportData) -> Chart | None:
    """Histograms of the cosines of true and random pairs, one row per set."""
    known = {f"{letter}: {s.name}": s.cosines for letter, s in lettered(report) if s.cosines is not None}
    if not known:
        return None
    note = (
        "If there is a gap, pairs across modalities (even true ones) have lower cosines than random pairs "
        "within one modality."
    )
    return Chart("histograms", "Cosines", figures.cosine_histograms(known, *report.pair, height=240), note)


def maps(report: ReportData) -> Iterator[Chart]:
    """Every map of every set."""
    for letter, side in lettered(report):
        for number, picture in enumerate(side.maps):
            sampled, note = _sampled(picture)
            figure = figures.small_map(
                sampled,
                explained=picture.explained,
                colours=figures.MODALITY_COLOURS,
            )
            title = f"{letter}: {side.name}, {picture.method}"
            yield Chart(f"map-{letter.lower()}-{number}", title, as_drawing(figure), note)


def labels(report: ReportData) -> Iterator[Chart]:
    """Mean cosine of true pairs by value, for every label that all sets have."""
    common = [c for c in report.sides[0].by_label if all(c in s.by_label for s in report.sides)]
    for number, column in enumerate(common):
        means = {f"{letter}: {side.name}": side.by_label[column] for letter, side in lettered(report)}
        figure = figures.means_by_label(means, (figures.COLOUR_A, figures.COLOUR_B), LABELS)
        yield Chart(f"label-{number}", f"By {column}", figure)


def worst(report: ReportData) -> Iterator[Table]:
    """The true pairs with the lowest cosine."""
    for letter, side in lettered(report):
        if side.worst:
            key, title = f"worst-{letter.lower()}", f"{letter}: {side.name}"
            facts = [(study, {"cosine": f"{cosine:.3f}"}) for study, cosine in side.worst]
            yield studies(key, title, facts, report.studies)


def studies(
    key: str,
    title: str,
    facts: Sequence[tuple[str, Mapping[str, str]]],
    known: Mapping[str, StudyExcerpt],
    note: str = "",
) -> Table:
    """A table of single studies: id, facts by column, and the texts and image to show."""
    shown = [known.get(study, StudyExcerpt()) for study, _ in facts]
    columns = [*(facts[0][1] if facts else ())]
    texts = list(dict.fromkeys(name for study in shown for name in study.texts))
    rows = tuple(
        (study, *(by_column[c] for c in columns), *(of.texts.get(t, "") for t in texts))
        for (study, by_column), of in zip(facts, shown, strict=True)
    )
    pictures = tuple(next(iter(of.pictures.values()), None) for of in shown)
    return Table(
        key, title, ("study", *columns, *texts), rows, note, pictures=pictures if any(pictures) else ()
    )


def lettered(report: ReportData) -> list[tuple[str, ReportSet]]:
    """[("A", set), ("B", set)]"""
    return [*zip("AB", report.sides, strict=False)]


def as_drawing(figure: go.Figure) -> go.Figure:
    """The figure without WebGL: it prints, exports as SVG shapes, and needs no code generated at run time."""
    drawn = go.Figure(figure)
    drawn.data = ()
    for trace in figure.data:
        fields = trace.to_plotly_json()
        drawn.add_trace({**fields, "type": "scatter"} if fields["type"] == "scattergl" else fields)
    return drawn


def _sampled(picture: ReportMap) -> tuple[dict[str, np.ndarray], str]:
    n = max(map(len, picture.places.values()), default=0)
    chosen = np.sort(np.random.default_rng(0).permutation(n)[:MOST_POINTS])
    note = f"{len(chosen):,} of {n:,} studies are shown, a seeded sample. " if n > len(chosen) else ""
    return {name: xy[chosen] for name, xy in picture.places.items()}, note + picture.note
