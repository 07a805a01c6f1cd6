"""Layouts of A and B as maps: side by side, or one map that moves from A to B."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.projection import Region, label_regions, procrustes_onto
from suture.pages.components.cards import cards
from suture.pages.components.linked_map import SHAPES, Moment, Panel
from suture.pages.components.shell.shell import Choice
from suture.workflows.layout_record import Layout


def side_by_side(choice: Choice, layouts: Sequence[Layout], *, greyed: bool, names: str) -> list[Panel]:
    """One panel a set; `names`: the label whose values are written on the map, "" = none."""
    return [
        Panel(
            title,
            accent,
            [*found.maps],
            SHAPES[: len(found.maps)],
            [[*found.maps.values()]],
            greyed=[*found.distorted.values()] if greyed else (),
            regions=named(choice, found, names),
        )
        for title, accent, found in zip(choice.labels, cards.COLOURS, layouts, strict=False)
    ]


def one_over_the_other(choice: Choice, layouts: Sequence[Layout]) -> tuple[list[Panel], list[Moment]]:
    """One panel with two moments, A and B turned onto A, of the modalities that both have."""
    a, b = layouts
    shared = [m for m in a.maps if m in b.maps]
    turned = onto_first([a.maps[m] for m in shared], [b.maps[m] for m in shared])
    frames = [[a.maps[m] for m in shared], turned]
    panel = Panel("A → B", cards.COLOURS[1], shared, SHAPES[: len(shared)], frames)
    return [panel], [Moment(label) for label in choice.labels]


def onto_first(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> list[np.ndarray]:
    """B's places, turned, moved and scaled onto A's; a point that one of them lacks stays missing."""
    first, second = np.concatenate(a), np.concatenate(b)
    there = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    turned = np.full(second.shape, np.nan)
    if there.sum() > 2:
        turned[there] = procrustes_onto(second[there], first[there])
    return np.split(turned, len(b))


def comparable(choice: Choice, layouts: Sequence[Layout]) -> bool:
    """Whether there are two maps that share a modality."""
    return len(layouts) == 2 and any(m in layouts[1].maps for m in layouts[0].maps)


def named(choice: Choice, found: Layout, label: str) -> list[Region]:
    """Where the label's values are at home, on the cloud of each modality. The label is A's."""
    if label not in choice.a.set.labels:
        return []
    values = choice.a.set.rows[label].fillna("").astype(str).to_numpy(str)
    return [region for xy in found.maps.values() for region in label_regions(xy, values)]
