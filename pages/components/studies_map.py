"""Where the visiting studies fall on the maps of A and B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.figures import MODALITY_COLOURS, safe, small_map
from analysis.projection.placing import Placed, place
from data.collection import STUDY_ID
from models import newcomers
from pages.components import cards, downloads, views
from pages.components.compare_data import LINK
from pages.components.studies_visit import Side

if TYPE_CHECKING:
    import plotly.graph_objects as go

POINTS = 4_000  # drawn of the collection
HELP = (
    "Each star stands at the weighted mean place of its 15 nearest studies of the same modality. The map "
    "itself does not change."
)


def where(sides: list[Side], modality: str, row: int) -> None:
    """Small maps with the studies as stars; the one that is looked at is large."""
    st.subheader("Where they lie", help=HELP)
    methods = ["PCA", "UMAP"] if all(views.umap(s.view) for s in sides) else ["PCA"]
    method = methods[0]
    if len(methods) > 1:
        method = st.segmented_control("Map", methods, default="PCA", key="studies_map", **LINK) or "PCA"
    for column, side in zip(st.columns(len(sides)), sides, strict=True):
        with column:
            st.markdown(f":{side.words}-badge[{side.letter}: {cards.plain(side.view.name)}]")
            _one(side, method, modality, row)
    st.caption(
        f"Stars are your studies, by {cards.plain(modality)}; the large one is the study above. A map draws "
        "even what has no place on it: whether a study belongs is told by how far out it lies."
    )


def _one(side: Side, method: str, modality: str, row: int) -> None:
    maps, placed, there = _placed(side, method, modality)
    if placed is None:
        st.caption(f"Too few studies have a {cards.plain(modality)} to place them by.")
        return
    ids = [safe(study) for study in side.guests.rows[STUDY_ID].iloc[there]]
    figure = small_map({m: _thinned(xy) for m, xy in maps.items()}, colours=MODALITY_COLOURS)
    figure.update_traces(marker_opacity=0.3)
    for name, chosen in (("your studies", there != row), ("the study above", there == row)):
        if chosen.any():
            labels = [i for i, shown in zip(ids, chosen, strict=True) if shown]
            figure.add_trace(
                _stars(placed.xy[chosen], name, labels, side.colour, large=name != "your studies")
            )
    figure.update_layout(height=360)
    figure.update_xaxes(title=None)
    figure.update_yaxes(title=None)
    alt = f"Map of {side.view.name} by {method} with your studies as stars"
    downloads.figure(figure, f"studies_map_{side.letter}", f"my studies {side.letter} {method}", alt=alt)
    if bool(placed.outside[there == row].any()):
        st.caption("The study above has no true place here: it is farther out than 99 % of the collection.")


def _stars(xy: np.ndarray, name: str, labels: list[str], colour: str, *, large: bool) -> go.Scattergl:
    """WebGL like the points, which would otherwise be drawn above them."""
    import plotly.graph_objects as go

    marker = {
        "symbol": "star",
        "size": 20 if large else 13,
        "color": colour,
        "opacity": 1,
        "line": {"color": "white", "width": 1.5},
    }
    hover = {"text": labels, "hovertemplate": "%{text}<extra></extra>"}
    return go.Scattergl(x=xy[:, 0], y=xy[:, 1], mode="markers", name=name, marker=marker, **hover)


def _placed(
    side: Side, method: str, modality: str
) -> tuple[dict[str, np.ndarray], Placed | None, np.ndarray]:
    """(modality -> places on the map, where the newcomers fall, which rows of the visit these are)."""
    layout = views.umap(side.view) if method == "UMAP" else None
    found = layout or views.pca(side.view)
    of = (side.view.record.fingerprint, side.view.name, side.view.split, side.guests.fingerprint)
    placed, there = _places(*of, found.method, modality, _side=side, _xy=found.maps[modality])
    return found.maps, placed, there


@st.cache_data(show_spinner=False, max_entries=32)
def _places(
    reference: str,
    name: str,
    split: str,
    guests: str,
    method: str,
    modality: str,
    *,
    _side: Side,
    _xy: np.ndarray,
) -> tuple[Placed | None, np.ndarray]:
    part = _side.view.set
    vectors = newcomers.in_space(views.workspace(), _side.guests, part)[modality]
    there, known = np.flatnonzero(np.any(vectors, axis=1)), part.rows_with(modality)
    if len(known) < 2 or not len(there):
        return None, there
    gallery = np.asarray(part.vectors[modality])[known]
    return place(vectors[there], gallery, _xy[known]), there


def _thinned(xy: np.ndarray) -> np.ndarray:
    """A seeded sample of the places that there are."""
    xy = xy[~np.isnan(xy).any(axis=1)]
    if len(xy) <= POINTS // 2:
        return xy
    return xy[np.random.default_rng(0).choice(len(xy), POINTS // 2, replace=False)]
