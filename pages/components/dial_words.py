"""What the gap dial says about a position: only what the intervals carry."""

from __future__ import annotations

from analysis.catalogue import CATALOGUE
from analysis.dial import Change, Sweep
from models.dial import Setting
from pages.components import cards

COLOUR = {"better": "green", "worse": "red", "unclear": "gray", "": "gray"}
NAN = float("nan")


def verdict(found: list[Change], strength: float) -> str:
    """Gap first, then what retrieval makes of it."""
    gap = next(c for c in found if c.key == "centroid_gap_debiased")
    if strength == 0:
        return f"As it is, the middles of the clouds are **{gap.before:.2f}** apart (debiased)."
    text = f"At {strength:.2f} the middles are **{gap.after:.2f}** apart, not {gap.before:.2f} (debiased). "
    recalls = [c.verdict for c in found if c.key.startswith("recall")]
    better, worse = recalls.count("better"), recalls.count("worse")
    if not any(recalls):
        return text + "With one group there is no telling whether retrieval changes."
    if not better and not worse:
        return text + "No recall changes by more than chance."
    return text + f"Of {len(recalls)} recalls, **{better}** clearly better and **{worse}** clearly worse."


def titles(keys: list[str], pair: tuple[str, str]) -> dict[str, str]:
    """key -> what it is called; the direction in words."""
    x, y = pair
    ways = {"forward": f"{x} → {y}", "back": f"{y} → {x}"}
    named = {}
    for key in keys:
        name, _, way = key.partition(":")
        title = CATALOGUE[name].title.replace("Recall@", "R@")
        named[key] = f"{title}, {ways[way]}" if way else title
    return named


def table(found: list[Change], pair: tuple[str, str], by: list[float] | None, place: int, label: str) -> str:
    """Every number as it is, here, and the change with its interval."""
    named = titles([c.key for c in found], pair)
    lines = ["| | as is | here | change (95 %) |", "|:--|--:|--:|:--|"]
    lines += [_row(named[c.key], c, place) for c in found]
    if by is not None:
        lines.append(_row(f"V-measure by {label}", Change("v_measure", by[0], by[place], NAN), place))
    return "\n".join(lines)


def _row(title: str, c: Change, place: int) -> str:
    """Recalls in percent, their changes in points."""
    scale, digits, unit = (100, 1, "%") if c.key.startswith("recall") else (1, 3, "")
    values = (c.before, c.after, c.margin)
    before, after, margin = (f"{scale * v:.{digits}f}" for v in values)
    moved = ""
    if place:
        change = f"{scale * (c.after - c.before):+.{digits}f}" + (f" ± {margin}" if c.verdict else "")
        moved = f":{COLOUR[c.verdict]}[{change}{f' {c.verdict}' if c.verdict else ''}]"
    return f"| {cards.plain(title)} | {before}{unit} | **{after}{unit}** | {moved} |"


def about(measured: Sweep, asked: Setting, n_fit: int, n_pairs: int, drawn: int, clustered: bool) -> str:
    """What was fitted and scored on what, and how to read the numbers."""
    part = f", a seeded sample of {n_pairs:,}" if measured.n < n_pairs else ""
    text = (
        f"Fitted on {asked.fit_split!r}, n = {n_fit:,}; scored on {asked.split!r}, n = {measured.n:,} "
        f"studies with both, in {measured.n_groups:,} groups{part}. Gap: lower is closer; cosine and "
        "recall: higher is better. A recall counts every partner with the same text or duplicate group, "
        "ties by expected hit. ± is the 95 % interval of the change (normal, by group), in points for "
        "recalls; unclear = it holds 0. A closed gap alone is no gain: look at the recalls."
    )
    if measured.n > drawn:
        text += f" The map shows a seeded {drawn:,} of them."
    if clustered:
        text += " V-measure: k-means, as many clusters as labels, mean of three seeds, up to 1,000 studies."
    return cards.plain(text)
