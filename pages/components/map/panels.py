"""Layouts of A and B as maps: side by side, or one map that moves from A to B."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.projection import Region, label_regions, procrustes_onto
from suture.pages.components.cards import cards
from suture.pages.components.linked_map import SHAPES, Moment, Panel
from suture.pages.components.shell.shared_choice import Choice
from suture.workflows.layout_record import Layout


def side_by_side(
    choice: Choice, layouts: Sequence[Layout], *, grey_distorted: bool, label_names: str
) -> list[Panel]:
    """One panel per set; label_names: the label whose values are written on the map, "" = none."""
    return [
        Panel(
            title,
            accent,
            [*layout.maps],
            SHAPES[: len(layout.maps)],
            [[*layout.maps.values()]],
            greyed=[*layout.distorted.values()] if grey_distorted else (),
            regions=label_names_on_map(choice, layout, label_names),
        )
        for title, accent, layout in zip(choice.labels, cards.COLOURS, layouts, strict=False)
    ]


def overlaid(choice: Choice, layouts: Sequence[Layout]) -> tuple[list[Panel], list[Moment]]:
    """One panel with two moments, A and B rotated onto A, of the modalities that both have."""
    a, b = layouts
    shared = [m for m in a.maps if m in b.maps]
    rotated = rotated_onto([a.maps[m] for m in shared], [b.maps[m] for m in shared])
    frames = [[a.maps[m] for m in shared], rotated]
    panel = Panel("A → B", cards.COLOURS[1], shared, SHAPES[: len(shared)], frames)
    return [panel], [Moment(label) for label in choice.labels]


def rotated_onto(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> list[np.ndarray]:
    """B's points, rotated, moved and scaled onto A's; a point that one of them lacks stays missing."""
    first, second = np.concatenate(a), np.concatenate(b)
    present = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    rotated = np.full(second.shape, np.nan)
    if present.sum() > 2:
        rotated[present] = procrustes_onto(second[present], first[present])
    return np.split(rotated, len(b))


def share_a_modality(layouts: Sequence[Layout]) -> bool:
    """Whether there are two maps that share a modality."""
    return len(layouts) == 2 and any(m in layouts[1].maps for m in layouts[0].maps)


def label_names_on_map(choice: Choice, layout: Layout, label: str) -> list[Region]:
    """The region of each value of a label of A, on the points of each modality."""
    if label not in choice.a.set.labels:
        return []
    values = choice.a.set.rows[label].fillna("").astype(str).to_numpy(str)
    return [region for xy in layout.maps.values() for region in label_regions(xy, values)]
