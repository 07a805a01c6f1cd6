"""Where the visiting studies fall on the maps of A and B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from suture.analysis.figures import MODALITY_COLOURS, escaped, small_map
from suture.analysis.projection.placement import weighted_places
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.shell import views
from suture.pages.components.studies.answers import FAR
from suture.pages.components.studies.ask import MOST, Asked
from suture.pages.components.studies.visit import Side
from suture.workflows.neighbours.neighbour_search import Held

if TYPE_CHECKING:
    import plotly.graph_objects as go

POINTS = 4_000  # drawn of the collection
HELP = (
    f"Each star stands at the weighted mean place of its {MOST} nearest studies of the same modality. The "
    "map itself does not change."
)


def where(sides: list[Side], asked: Asked, row: int) -> None:
    """Small maps with the studies as stars; the one that is looked at is large."""
    st.subheader("Where they lie", help=HELP)
    methods = ["PCA", "UMAP"] if all(views.umap(s.view) for s in sides) else ["PCA"]
    method = methods[0]
    if len(methods) > 1:
        method = st.segmented_control("Map", methods, default="PCA", key="studies_map", **LINK) or "PCA"
    for column, side in zip(st.columns(len(sides)), sides, strict=True):
        with column:
            st.markdown(f":{side.words}-badge[{side.letter}: {cards.plain(side.view.name)}]")
            _one(side, asked, method, row)
    st.caption(
        f"Small stars are your studies, by {cards.plain(asked.direction[0])}. Large ones are the study "
        "above, one for each modality that it has, with a line between them: the gap. A map draws even "
        "what has no place on it: whether a study belongs is told by how far out it lies."
    )


def _one(side: Side, asked: Asked, method: str, row: int) -> None:
    layout = views.umap(side.view) if method == "UMAP" else None
    layout = layout or views.pca(side.view)
    if layout is None:
        st.caption("This set has no map yet: the Map page lays it out.")
        return
    maps = layout.maps
    held, modality = asked.held[side.letter], asked.direction[0]
    placed = {m: _placed(held, m, maps[m]) for m in held.vectors if (m, m) in held.answers.nearest}
    figure = small_map({m: _thinned(xy) for m, xy in maps.items()}, colours=MODALITY_COLOURS)
    figure.update_traces(marker_opacity=0.3)
    others = np.delete(np.arange(len(held.ids)), row)
    if len(others):
        names = [held.ids[i] for i in others]
        figure.add_trace(_stars(placed[modality][others], "your studies", names, side.colour))
    own = np.asarray([xy[row] for xy in placed.values()])
    figure.add_trace(_stars(own, "the study above", [*placed], side.colour, size=20, mode="lines+markers"))
    figure.update_layout(height=360)
    figure.update_xaxes(title=None)
    figure.update_yaxes(title=None)
    alt = f"Map of {side.view.name} by {method} with your studies as stars"
    downloads.figure(figure, f"studies_map_{side.letter}", f"my studies {side.letter} {method}", alt=alt)
    if asked.outside(side.letter)[row] >= FAR:
        st.caption(
            f"The study above has no true place here: it is farther out than {FAR:.0%} of the collection."
        )


def _stars(
    xy: np.ndarray, name: str, labels: list[str], colour: str, *, size: int = 13, mode: str = "markers"
) -> go.Scattergl:
    """WebGL like the points, which would otherwise be drawn above them."""
    import plotly.graph_objects as go

    line = {"color": "white", "width": 1.5}
    marker = {"symbol": "star", "size": size, "color": colour, "opacity": 1, "line": line}
    hover = {"text": [*map(escaped, labels)], "hovertemplate": "%{text}<extra></extra>"}
    return go.Scattergl(
        x=xy[:, 0],
        y=xy[:, 1],
        mode=mode,
        name=name,
        marker=marker,
        line={"color": colour, "width": 2},
        **hover,
    )


def _placed(held: Held, modality: str, xy: np.ndarray) -> np.ndarray:
    """(n, 2) where the newcomers fall, NaN where they lack the modality."""
    near = held.answers.nearest[modality, modality]
    places = np.full((len(near.rows), 2), np.nan, np.float32)
    there = np.flatnonzero((near.rows >= 0).all(axis=1))
    if len(there):
        places[there], _ = weighted_places(near.cosines[there], xy[near.rows[there]])
    return places


def _thinned(xy: np.ndarray) -> np.ndarray:
    """A seeded sample of the places that there are."""
    xy = xy[~np.isnan(xy).any(axis=1)]
    if len(xy) <= POINTS // 2:
        return xy
    return xy[np.random.default_rng(0).choice(len(xy), POINTS // 2, replace=False)]
