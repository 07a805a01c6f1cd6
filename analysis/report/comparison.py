"""Report sections on the comparison of A and B."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from suture.analysis import figures
from suture.analysis.catalogue import CATALOGUE
from suture.analysis.compare import Movement, Slice, cells
from suture.analysis.report import numbers
from suture.analysis.report.elements import Chart, Element, Section, Table, Text
from suture.analysis.report.gallery import studies
from suture.analysis.report.report_data import PairedResults, ReportData

SHOWN = 10  # listed studies per table; the JSON has the ids of all


def listed_studies(paired: PairedResults) -> Iterator[int]:
    """Rows of the studies listed in these sections, so that their texts can be loaded."""
    for direction, changes in paired.rank_changes.items():
        for rows in (changes.won, changes.lost):
            yield from map(int, _by_change(paired, direction, rows))
    for moved in paired.movement.values():
        yield from map(int, _farthest(moved))


def numbers_section(report: ReportData, paired: PairedResults) -> Section:
    """The headline metrics with their paired differences."""
    rows = cells.headline_rows(paired.table.rows, report.pair)
    note = (
        "B − A is paired, since both sets hold the same studies. Use its interval, not the overlap of the "
        "intervals of A and B. p is two-sided, Holm-adjusted over the headline metrics."
    )
    table = numbers.differences(rows, "headline", "Headline metrics", note)
    caption = (
        "Each difference with its interval, in units of the smallest relevant change of its metric. "
        "Changes inside the band are not relevant."
    )
    forest = Chart("forest", "Differences in margins", figures.forest_plot(rows), caption)
    return Section("changed", "What changed", (table, forest))


def sections(report: ReportData, paired: PairedResults) -> Iterator[Section]:
    """Pairs, rank changes, movement, neighbours, groups and similarity; empty sections are left out."""
    for key, title, parts in (
        ("pairs", "True pairs in A and B", [_pairs(report, paired)]),
        ("flips", "Rank changes", list(_rank_changes(report, paired))),
        ("moved", "Studies that moved", list(_moved(report, paired))),
        ("neighbours", "Neighbours gained and lost", list(_neighbours(paired))),
        ("for-whom", "By group", list(_slices(paired))),
        ("agreement", "Similarity of the spaces", list(_agreement(paired))),
    ):
        if parts:
            yield Section(key, title, tuple(parts))


def _pairs(report: ReportData, paired: PairedResults) -> Element:
    a, b = paired.cosines
    labels = [f"{letter}: {side.name}" for letter, side in zip("AB", report.sides, strict=True)]
    note = f"{np.mean(b > a):.0%} of the studies have a higher cosine in B."
    return Chart("pair-cosines", "Cosines of true pairs", figures.pair_cosines(a, b, labels), note)


def _rank_changes(report: ReportData, paired: PairedResults) -> Iterator[Element]:
    for direction, changes in paired.rank_changes.items():
        change = changes.difference
        name = direction.replace("->", " → ")
        moved = cells.with_interval("recall_at_10", change.value, *_ends(change.low, change.high), sign="+")
        yield Text(
            (
                f"{name}: {len(changes.won):,} queries have a hit among the first {changes.k} in B only, "
                f"{len(changes.lost):,} in A only, {len(changes.kept):,} in both, {len(changes.missed):,} in "
                f"neither. Recall changes by {moved}; McNemar p {cells.p_label(changes.p)}. "
                f"{changes.undecided:,} depend on the order of ties.",
            )
        )
        for what, rows in (("won", changes.won), ("lost", changes.lost)):
            chosen = _by_change(paired, direction, rows)
            if len(chosen):
                yield _listed(report, paired, direction, what, chosen, len(rows))


def _listed(
    report: ReportData, paired: PairedResults, direction: str, what: str, rows: np.ndarray, count: int
) -> Table:
    before, after = paired.ranks[direction]
    facts = [
        (paired.study_ids[row], {"rank in A": f"{before[row]:,.0f}", "rank in B": f"{after[row]:,.0f}"})
        for row in map(int, rows)
    ]
    key = f"{what}-{direction.replace('->', '-')}"
    name = f"{what.capitalize()}, {direction.replace('->', ' → ')}"
    return studies(key, name, facts, report.studies, _shown(len(rows), count))


def _moved(report: ReportData, paired: PairedResults) -> Iterator[Element]:
    for modality, movement in paired.movement.items():
        count = int(movement.moved.sum())
        yield Text(
            (
                f"{modality}: {count:,} of {len(movement.change):,} studies moved significantly relative to "
                f"{movement.null}, after removing shift, rotation and scale of the whole set (false "
                f"discovery rate 5 %). A rotation explains {movement.explained:.0%} of the variance.",
            )
        )
        title = f"Change of {modality}"
        yield Chart(f"changes-{modality}", title, figures.movement_histogram(movement))
        rows = _farthest(movement)
        if len(rows):
            facts = [
                (paired.study_ids[r], {"change": f"{movement.change[r]:.2f}", "p": f"{movement.p[r]:.2g}"})
                for r in map(int, rows)
            ]
            yield studies(
                f"moved-{modality}", f"Moved: {modality}", facts, report.studies, _shown(len(rows), count)
            )


def _neighbours(paired: PairedResults) -> Iterator[Element]:
    for name, changes in paired.neighbours.items():
        shown = name.replace("->", " → ")
        mean, chance = f"{changes.overlap.mean():.0%}", f"{changes.by_chance:.1%}"
        kept = f"On average {mean} of the {changes.k} nearest neighbours are kept; {chance} by chance."
        yield Chart(
            f"overlap-{name}",
            f"Neighbours kept: {shown}",
            figures.neighbour_overlap(changes.overlap, changes.k, changes.by_chance),
            f"{kept} {changes.note}".strip(),
        )


def _slices(paired: PairedResults) -> Iterator[Element]:
    """One table per measure, and a chart for every column whose values have different verdicts."""
    for key, what, columns in (
        ("cosine", "cosine of true pairs", paired.slices),
        ("hits", "hit among the first 10", paired.hits),
    ):
        if columns:
            yield _slice_table(f"slices-{key}", f"Change of the {what}", columns)
        for number, (column, slices) in enumerate(columns.items()):
            if len({one.verdict for one in slices}) > 1:
                figure = figures.slice_differences(slices, f"B − A, {what}, 95 % interval")
                yield Chart(f"slices-{key}-{number}", f"{what.capitalize()} by {column}", figure)


def _slice_table(key: str, title: str, columns: Mapping[str, tuple[Slice, ...]]) -> Table:
    titles = ("by", "value", "n", "groups", "A", "B", "B − A", "p", "verdict")
    known = [(column, one) for column, slices in columns.items() for one in slices]
    rows = tuple(
        (
            column,
            one.name,
            *(f"{count:,}" for count in (one.n, one.n_groups)),
            *(f"{mean:.3f}" for mean in (one.a, one.b)),
            cells.with_interval("", one.difference, one.low, one.high, sign="+"),
            cells.p_label(one.p_holm),
            one.verdict,
        )
        for column, one in known
    )
    tones = tuple(numbers.TONES.get(one.verdict, "open") for _, one in known)
    note = "Paired differences with intervals over groups; p Holm-adjusted over the values of a column."
    return Table(key, title, titles, rows, note, tuple({"by": c, **vars(one)} for c, one in known), tones)


def _agreement(paired: PairedResults) -> Iterator[Element]:
    rows = tuple(
        (modality, *_title_and_reading(name), cells.with_interval("", *_defined(estimate)))
        for modality, similarity in paired.agreement.items()
        for name, estimate in vars(similarity).items()
    )
    if rows:
        columns = ("modality", "number", "reading", "value (95 % interval)")
        note = "Similarity of A and B for each modality over the same studies."
        yield Table("agreement", "A against B", columns, rows, note)


def _title_and_reading(name: str) -> tuple[str, str]:
    info = CATALOGUE.get(name)
    return (info.title, info.reading) if info else (name.replace("_", " "), "")


def _by_change(paired: PairedResults, direction: str, rows: np.ndarray) -> np.ndarray:
    """At most `SHOWN` of these rows, largest rank change first."""
    before, after = paired.ranks[direction]
    return rows[np.argsort(-np.abs(after - before)[rows], kind="stable")][:SHOWN]


def _farthest(movement: Movement) -> np.ndarray:
    moved = np.flatnonzero(movement.moved)
    return moved[np.argsort(-movement.change[moved], kind="stable")][:SHOWN]


def _shown(count: int, of: int) -> str:
    return f"{count:,} of {of:,}, largest change first; the JSON lists all." if of > count else ""


def _ends(low: float, high: float) -> tuple[float | None, float | None]:
    return (low, high) if np.isfinite([low, high]).all() else (None, None)


def _defined(estimate: object) -> tuple[float | None, float | None, float | None]:
    value, low, high = (getattr(estimate, end) for end in ("value", "low", "high"))
    return (value if np.isfinite(value) else None, *_ends(low, high))
