"""A's map turning into B's, study by study."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis.figures import MODALITY_COLOURS
from suture.pages.components.compare.paired_views import LINK, Both
from suture.pages.components.linked_map import Cards, Colouring, linked_map
from suture.pages.components.map import panels as map_panels
from suture.pages.components.retrieval.answers import link_to
from suture.pages.components.serving import study_files
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.shell import Choice

MOVED, MODALITY = "moved or stayed", "modality"


@st.fragment
def section(choice: Choice, both: Both) -> None:
    """One map with a slider from A to B; UMAP where both are laid out, else PCA turned onto A's."""
    laid_out = [views.umap(v) for v in choice.views]
    layouts = [found for found in laid_out if found is not None]
    method = "UMAP"
    if len(layouts) < len(choice.views):
        layouts, method = [views.pca(v) for v in choice.views], "PCA"
    if not map_panels.comparable(choice, layouts):
        return
    options = [MODALITY, *([MOVED] if both.compared.movement else [])]
    colour = st.segmented_control("Colour", options, default=MODALITY, key="morph_colour", **LINK) or MODALITY
    panels, moments = map_panels.one_over_the_other(choice, layouts)
    url, thumb = study_files.urls(choice.a)
    linked_map(
        panels,
        cards=Cards(url=url, thumb=thumb),
        colours=_moved(choice, both) if colour == MOVED else Colouring.by_modality(palette=MODALITY_COLOURS),
        moments=moments,
        lines="selected",
        height=460,
        key="morph",
    )
    st.caption(
        f"{method}, B turned, moved and scaled onto A. A map can move what has stayed: whether a study moved "
        "is told in the full space, above."
    )
    shell.link("map", "Open on the Map page", ":material/scatter_plot:", query=_query(choice))


def _query(choice: Choice) -> dict[str, str]:
    return {k: v for k, v in link_to(choice, "").items() if k != "study"}


def _moved(choice: Choice, both: Both) -> Colouring:
    """Which studies moved by more than chance explains, in the first modality that was looked at."""
    found = next(iter(both.compared.movement.values()))
    codes = np.full(len(choice.a.set), -1)
    codes[both.rows] = np.where(found.moved, 1, 0)
    return Colouring.by_category(
        codes, ["stayed", "moved"], name="in the full space", palette=("#8C8C8C", "#7E6BB5")
    )
