"""What the gap dial says about a position: only what the intervals carry."""

from __future__ import annotations

from collections.abc import Sequence

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.posthoc.dial import DialChange, Sweep, changes
from suture.pages.components.cards import cards
from suture.pages.components.dial.view import Row
from suture.workflows.dial import Setting

NAN = float("nan")


def said(measured: Sweep) -> tuple[str, ...]:
    """One sentence a position: gap first, then what retrieval makes of it."""
    return tuple(_verdict(changes(measured, place), s) for place, s in enumerate(measured.strengths))


def _verdict(found: list[DialChange], strength: float) -> str:
    gap = next(c for c in found if c.key == "centroid_gap_debiased")
    if strength == 0:
        return f"As it is, the middles of the clouds are {gap.before:.2f} apart (debiased)."
    text = f"At {strength:.2f} the middles are {gap.after:.2f} apart, not {gap.before:.2f} (debiased). "
    recalls = [c.verdict for c in found if c.key.startswith("recall")]
    better, worse = recalls.count("better"), recalls.count("worse")
    if not any(recalls):
        return text + "With one group there is no telling whether retrieval changes."
    if not better and not worse:
        return text + "No recall changes by more than chance."
    return text + f"Of {len(recalls)} recalls, {better} clearly better and {worse} clearly worse."


def titles(keys: list[str], x: str, y: str) -> dict[str, str]:
    """key -> what it is called; the direction in words."""
    ways = {"forward": f"{x} → {y}", "back": f"{y} → {x}"}
    named = {}
    for key in keys:
        name, _, way = key.partition(":")
        title = CATALOGUE[name].title.replace("Recall@", "R@")
        named[key] = f"{title}, {ways[way]}" if way else title
    return named


def by(label: str) -> str:
    """What the clusters' number is called."""
    return f"V-measure by {label}"


def rows(measured: Sweep, x: str, y: str, clusters: Sequence[float] | None, label: str) -> tuple[Row, ...]:
    """Every number as it is, at every position, and the changes with their intervals."""
    named = titles([*measured.numbers], x, y)
    places = range(len(measured.strengths))
    moved = {c.key: [] for c in changes(measured, 0)}
    for place in places:
        for change in changes(measured, place):
            moved[change.key].append(change)
    if clusters is not None:
        named["v_measure"] = by(label)
        moved["v_measure"] = [DialChange("v_measure", clusters[0], value, NAN) for value in clusters]
    return tuple(_row(named[key], found) for key, found in moved.items())


def _row(title: str, found: list[DialChange]) -> Row:
    """Nothing has changed at the first position, so nothing is said of it."""
    first = _written(found[0])[0]
    cells = [_written(c) for c in found[1:]]
    return Row(
        title,
        first,
        (first, *(here for here, _ in cells)),
        ("", *(change for _, change in cells)),
        ("", *(c.verdict for c in found[1:])),
    )


def _written(c: DialChange) -> tuple[str, str]:
    """(here, change): recalls in percent, their changes in points."""
    scale, digits, unit = (100, 1, "%") if c.key.startswith("recall") else (1, 3, "")
    margin = f" ± {scale * c.margin:.{digits}f}" if c.verdict else ""
    return f"{scale * c.after:.{digits}f}{unit}", f"{scale * (c.after - c.before):+.{digits}f}{margin}"


def about(measured: Sweep, asked: Setting, n_fit: int, n_pairs: int, clustered: bool) -> str:
    """What was fitted and scored on what, and how to read the numbers."""
    part = f", a seeded sample of {n_pairs:,}" if measured.n < n_pairs else ""
    text = (
        f"Fitted on {asked.fit_split!r}, n = {n_fit:,}; scored on {asked.split!r}, n = {measured.n:,} "
        f"studies with both, in {measured.n_groups:,} groups{part}; the map shows all of them. Gap: lower is "
        "closer; cosine and recall: higher is better. A recall counts every partner with the same text or "
        "duplicate group, ties by expected hit. ± is the 95 % interval of the change (normal, by group), in "
        "points for recalls; unclear = it holds 0. A closed gap alone is no gain: look at the recalls."
    )
    if clustered:
        text += " V-measure: k-means, as many clusters as labels, mean of three seeds, up to 1,000 studies."
    return cards.plain(text)
