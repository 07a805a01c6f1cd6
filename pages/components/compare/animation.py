"""A map that animates from A to B, study by study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from suture.analysis.figures import MODALITY_COLOURS
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.linked_map import Cards, Colouring, linked_map
from suture.pages.components.map.panels import overlaid, share_a_modality
from suture.pages.components.serving import study_files
from suture.pages.components.shell import navigation, views
from suture.pages.components.shell.shared_choice import Choice, link_to_choice
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.workflows.layout_record import Layout

MOVED, MODALITY = "moved or stayed", "modality"


@st.fragment
def section(choice: Choice, paired: PairedViews) -> None:
    """One map with a slider from A to B; UMAP where both have been computed, else PCA rotated onto A."""
    layouts, method = _ready([views.umap(view) for view in choice.views]), "UMAP"
    if len(layouts) < len(choice.views):
        layouts, method = _ready([views.pca(view) for view in choice.views]), "PCA"
    if not share_a_modality(layouts):
        return
    options = [MODALITY, *([MOVED] if paired.compared.movement else [])]
    colour = (
        st.segmented_control("Colour", options, default=MODALITY, key="morph_colour", **KEEP_IN_LINK)
        or MODALITY
    )
    panels, moments = overlaid(choice, layouts)
    url, thumb = study_files.urls(choice.a)
    linked_map(
        panels,
        cards=Cards(url=url, thumb=thumb),
        colours=_moved(choice, paired)
        if colour == MOVED
        else Colouring.by_modality(palette=MODALITY_COLOURS),
        moments=moments,
        lines="selected",
        height=460,
        key="morph",
    )
    st.caption(
        f"{method}, B rotated, moved and scaled onto A. A point can move on the map although its study did "
        "not: "
        '"Studies that moved", above, is measured in the full space.'
    )
    navigation.page_link(
        "map", "Open on the Map page", ":material/scatter_plot:", query=link_to_choice(choice)
    )


def _ready(layouts: Sequence[Layout | None]) -> list[Layout]:
    return [layout for layout in layouts if layout is not None]


def _moved(choice: Choice, paired: PairedViews) -> Colouring:
    """Which studies moved by more than chance explains, in the first modality."""
    movement = next(iter(paired.compared.movement.values()))
    codes = np.full(len(choice.a.set), -1)
    codes[paired.rows] = np.where(movement.moved, 1, 0)
    return Colouring.by_category(
        codes, ["stayed", "moved"], name="in the full space", palette=("#8C8C8C", "#7E6BB5")
    )
