"""The uploaded studies on the maps of A and B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from suture.analysis.figures import MODALITY_COLOURS, escaped, small_map
from suture.analysis.projection.placement import weighted_places
from suture.pages.components.cards import cards, downloads
from suture.pages.components.shell import views
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.pages.components.studies.search import MAX_NEIGHBOURS, UploadNeighbours
from suture.pages.components.studies.study_neighbours import FAR
from suture.pages.components.studies.uploaded import UploadsInSet
from suture.workflows.neighbours.neighbour_search import SearchResult

if TYPE_CHECKING:
    import plotly.graph_objects as go

POINTS = 4_000  # drawn of the collection
HELP = (
    f"Each star is placed at the weighted mean of its {MAX_NEIGHBOURS} nearest studies of the same modality. "
    "The map itself does not change."
)


def section(placed: list[UploadsInSet], neighbours: UploadNeighbours, row: int) -> None:
    """Small maps with the studies as stars, the chosen one large."""
    st.subheader("Place on the map", help=HELP)
    methods = ["PCA", "UMAP"] if all(views.umap(one.view) for one in placed) else ["PCA"]
    method = methods[0]
    if len(methods) > 1:
        method = (
            st.segmented_control("Map", methods, default="PCA", key="studies_map", **KEEP_IN_LINK) or "PCA"
        )
    for column, one in zip(st.columns(len(placed)), placed, strict=True):
        with column:
            st.markdown(f":{one.colour_name}-badge[{one.letter}: {cards.escape(one.view.name)}]")
            _map(one, neighbours, method, row)
    st.caption(
        f"Small stars are your studies, by {cards.escape(neighbours.direction[0])}. Large ones are the study "
        "above, one for each of its modalities, joined by a line: the gap. The map places outliers too: read "
        "above how far out a study lies."
    )


def _map(one: UploadsInSet, neighbours: UploadNeighbours, method: str, row: int) -> None:
    layout = views.umap(one.view) if method == "UMAP" else None
    layout = layout or views.pca(one.view)
    if layout is None:
        st.caption("This set has no map yet. Open the Map page to compute it.")
        return
    maps = layout.maps
    held, modality = neighbours.in_set[one.letter], neighbours.direction[0]
    points = {m: _placed(held, m, maps[m]) for m in held.vectors if (m, m) in held.answers.nearest}
    figure = small_map({m: _thinned(xy) for m, xy in maps.items()}, colours=MODALITY_COLOURS)
    figure.update_traces(marker_opacity=0.3)
    others = np.delete(np.arange(len(held.ids)), row)
    if len(others):
        names = [held.ids[i] for i in others]
        figure.add_trace(_stars(points[modality][others], "your studies", names, one.colour))
    own = np.asarray([xy[row] for xy in points.values()])
    figure.add_trace(_stars(own, "the study above", [*points], one.colour, size=20, mode="lines+markers"))
    figure.update_layout(height=360)
    figure.update_xaxes(title=None)
    figure.update_yaxes(title=None)
    alt = f"Map of {one.view.name} by {method} with your studies as stars"
    downloads.show_figure(figure, f"studies_map_{one.letter}", f"my studies {one.letter} {method}", alt=alt)
    if neighbours.outside(one.letter)[row] >= FAR:
        st.caption(
            f"The study above is an outlier, further out than {FAR:.0%} of the collection: its place means "
            "little."
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


def _placed(held: SearchResult, modality: str, xy: np.ndarray) -> np.ndarray:
    """(n, 2) places of the uploaded studies, NaN where they lack the modality."""
    nearest = held.answers.nearest[modality, modality]
    places = np.full((len(nearest.rows), 2), np.nan, np.float32)
    complete = np.flatnonzero((nearest.rows >= 0).all(axis=1))
    if len(complete):
        places[complete], _ = weighted_places(nearest.cosines[complete], xy[nearest.rows[complete]])
    return places


def _thinned(xy: np.ndarray) -> np.ndarray:
    """A seeded sample of the points."""
    xy = xy[~np.isnan(xy).any(axis=1)]
    if len(xy) <= POINTS // 2:
        return xy
    return xy[np.random.default_rng(0).choice(len(xy), POINTS // 2, replace=False)]
