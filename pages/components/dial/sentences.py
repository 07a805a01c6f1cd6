"""What the gap dial says at each strength: only what the intervals support."""

from __future__ import annotations

from collections.abc import Sequence

from suture.analysis.catalogue import CATALOGUE
from suture.analysis.posthoc.dial import DialChange, Sweep, changes
from suture.pages.components.cards import cards
from suture.pages.components.dial.view import Row
from suture.workflows.dial import Setting

NAN = float("nan")


def summaries(sweep: Sweep) -> tuple[str, ...]:
    """One summary per strength: the gap first, then retrieval."""
    return tuple(_summary(changes(sweep, place), s) for place, s in enumerate(sweep.strengths))


def _summary(metrics: list[DialChange], strength: float) -> str:
    gap = next(c for c in metrics if c.key == "centroid_gap_debiased")
    if strength == 0:
        return f"Strength 0: centroid gap {gap.before:.2f} (debiased)."
    text = f"Strength {strength:.2f}: centroid gap {gap.after:.2f}, {gap.before:.2f} before (debiased). "
    recalls = [c.verdict for c in metrics if c.key.startswith("recall")]
    better, worse = recalls.count("better"), recalls.count("worse")
    if not any(recalls):
        return text + "With only one group, a change of retrieval cannot be assessed."
    if not better and not worse:
        return text + "No recall changes by more than chance."
    return text + f"Of {len(recalls)} recalls, {better} clearly better and {worse} clearly worse."


def titles(keys: list[str], x: str, y: str) -> dict[str, str]:
    """key -> title; the direction in words."""
    ways = {"forward": f"{x} → {y}", "back": f"{y} → {x}"}
    named = {}
    for key in keys:
        name, _, way = key.partition(":")
        title = CATALOGUE[name].title.replace("Recall@", "R@")
        named[key] = f"{title}, {ways[way]}" if way else title
    return named


def v_measure_title(label: str) -> str:
    """Title of the V-measure by a label."""
    return f"V-measure by {label}"


def rows(sweep: Sweep, x: str, y: str, clusters: Sequence[float] | None, label: str) -> tuple[Row, ...]:
    """Every metric before and at every strength, and the changes with their intervals."""
    named = titles([*sweep.numbers], x, y)
    places = range(len(sweep.strengths))
    by_metric: dict[str, list[DialChange]] = {c.key: [] for c in changes(sweep, 0)}
    for place in places:
        for change in changes(sweep, place):
            by_metric[change.key].append(change)
    if clusters is not None:
        named["v_measure"] = v_measure_title(label)
        by_metric["v_measure"] = [DialChange("v_measure", clusters[0], value, NAN) for value in clusters]
    return tuple(_row(named[key], at_strengths) for key, at_strengths in by_metric.items())


def _row(title: str, at_strengths: list[DialChange]) -> Row:
    """One row; the first strength is 0, where nothing has changed."""
    first = _cells(at_strengths[0])[0]
    cells = [_cells(c) for c in at_strengths[1:]]
    return Row(
        title,
        first,
        (first, *(here for here, _ in cells)),
        ("", *(change for _, change in cells)),
        ("", *(c.verdict for c in at_strengths[1:])),
    )


def _cells(c: DialChange) -> tuple[str, str]:
    """(here, change): recalls in percent, their changes in points."""
    scale, digits, unit = (100, 1, "%") if c.key.startswith("recall") else (1, 3, "")
    margin = f" ± {scale * c.margin:.{digits}f}" if c.verdict else ""
    return f"{scale * c.after:.{digits}f}{unit}", f"{scale * (c.after - c.before):+.{digits}f}{margin}"


def about(sweep: Sweep, setting: Setting, n_fit: int, n_pairs: int, clustered: bool) -> str:
    """What was fitted and scored on which studies, and how to read the numbers."""
    sample = f", a seeded sample of {n_pairs:,}" if sweep.n < n_pairs else ""
    text = (
        f"Fitted on {setting.fit_split!r}, n = {n_fit:,}; scored on {setting.split!r}, n = {sweep.n:,} "
        f"studies with both, in {sweep.n_groups:,} groups{sample}; the map shows all of them. Gap: lower is "
        "closer; cosine and recall: higher is better. A recall counts every partner with the same text or "
        "duplicate group, ties by expected hit. ± is the 95 % interval of the change (normal, by group), in "
        "points for recalls; unclear = it holds 0. A closed gap alone is no gain: check the recalls."
    )
    if clustered:
        text += " V-measure: k-means, as many clusters as labels, mean of three seeds, up to 1,000 studies."
    return cards.escape(text)
