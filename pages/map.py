"""The map: where the studies lie in A and in B, and the selection made on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from suture.pages.components import selection
from suture.pages.components.linked_map import Cards, Moment, linked_map, selected_rows
from suture.pages.components.linked_map.payload import Lines
from suture.pages.components.map import colours, detail, panels
from suture.pages.components.map.layouts import (
    GREYED,
    choose_layouts,
    compare_layouts,
    trust_in_maps,
)
from suture.pages.components.serving import study_files
from suture.pages.components.shell import navigation, shared_choice, views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.widget_state import KEEP_IN_LINK
from suture.workflows.layout_record import Layout

LINES: dict[str, Lines] = {"none": "none", "selected": "selected", "worst pairs": "worst", "all": "all"}
MEANING = {
    "PCA": "PCA projects onto the two directions of largest variance of all modalities together.",
    "UMAP": "UMAP keeps neighbours together; distances between far groups mean little.",
}
SIDE_BY_SIDE, ANIMATE = "Side by side", "Animate A → B"
NO_LABEL = "no label"
KEY = "map"


@dataclass(frozen=True)
class Display:
    """How the map is drawn."""

    method: str
    animate: bool
    colour: str
    lines: Lines
    worst_share: float
    grey_distorted: bool
    label_names: str


def main() -> None:
    navigation.open_page("Map", "Where do the studies lie? Shape shows the modality; you choose the colour.")
    choice = shared_choice.choose()
    select_linked_study(choice)
    display = choose_display(choice)
    selection.find(choice)
    whole = display.grey_distorted or display.colour == colours.TRUST
    layouts, method = choose_layouts(choice, display.method, whole=whole)
    if not layouts:
        st.stop()
    draw(choice, layouts, display)
    st.caption(f"{MEANING[method]} {trust_in_maps(layouts)}")
    if method == "UMAP" and len(layouts) == 2:
        compare_layouts(choice, layouts)
    st.fragment(show_selection, key="detail")(choice)


def select_linked_study(choice: Choice) -> None:
    """A link to one study selects it, once."""
    study = st.query_params.get("study")
    if study and st.session_state.get("map_linked") != study:
        row = views.row_of(choice.a, study)
        if row is not None:
            selection.set_rows(choice, [row], "from a link")
    st.session_state["map_linked"] = study


def choose_display(choice: Choice) -> Display:
    """The choices of the page: the two that matter in sight, the others one click away."""
    left, beside, middle, right = st.columns([1.05, 1.65, 1.6, 1.6], vertical_alignment="bottom")
    method = left.segmented_control("Map", ["PCA", "UMAP"], default="PCA", key="map_method", **KEEP_IN_LINK)
    arrangement: str | None = SIDE_BY_SIDE
    if choice.b:
        arrangement = beside.segmented_control(
            "A and B", [SIDE_BY_SIDE, ANIMATE], default=SIDE_BY_SIDE, key="map_how", **KEEP_IN_LINK
        )
    animate = arrangement == ANIMATE
    colour = middle.selectbox("Colour", colours.options(choice), key="map_colour", **KEEP_IN_LINK)
    with right.popover("Lines, names, distortion", icon=":material/tune:", width="stretch"):
        lines = st.selectbox("Pair lines", [*LINES], index=1, key="map_lines", **KEEP_IN_LINK)
        worst = st.slider(
            "Worst pairs of A, share of all", 1, 25, 5, format="%d %%", key="map_worst", **KEEP_IN_LINK
        )
        names = st.selectbox(  # like distortion, it differs between the two maps: not for the animation
            "Label names on the map",
            [NO_LABEL, *choice.a.set.labels],
            key="map_names",
            disabled=animate,
            **KEEP_IN_LINK,
        )
        greyed = st.toggle(
            "Grey out distorted points", key="map_grey", help=GREYED, disabled=animate, **KEEP_IN_LINK
        )
    label = "" if names == NO_LABEL else names
    return Display(method or "PCA", animate, colour, LINES[lines], worst / 100, greyed, label)


def draw(choice: Choice, layouts: Sequence[Layout], display: Display) -> None:
    """The maps, with the selection that all pages share."""
    moments: Sequence[Moment] = ()
    colourings = colours.colourings(choice, layouts, display.colour)
    if display.animate and panels.share_a_modality(layouts):
        shown, moments = panels.overlaid(choice, layouts)
        colourings = colourings[:1]
    else:
        shown = panels.side_by_side(
            choice, layouts, grey_distorted=display.grey_distorted, label_names=display.label_names
        )
    url, thumb = study_files.urls(choice.a)
    st.caption(f"Colour: {colours.meaning(display.colour, animated=bool(moments))}")
    marked = display.lines == "worst"
    linked_map(
        shown,
        cards=Cards(url=url, thumb=thumb),
        colours=colourings,
        moments=moments,
        lines=display.lines,
        worst=colours.worst_pairs(choice.a, choice.pair, display.worst_share) if marked else None,
        selected=selection.current(choice).tolist(),
        key=KEY,
        on_select=lambda: on_select(choice),
    )


def on_select(choice: Choice) -> None:
    """A click changes what is below the map, not the page."""
    if selection.set_rows(choice, selected_rows(KEY), "on the map"):  # False: the map echoes what it was told
        st.rerun("detail")


def show_selection(choice: Choice) -> None:
    """The selected studies, and the neighbours of one of them."""
    selection.bar(choice)
    rows = selection.current(choice)
    if not len(rows):
        st.info("Click a point to see its image, its report and its neighbours.", icon=":material/touch_app:")
        return
    row = int(rows[0])
    if len(rows) > 1:
        chosen = selection.table(choice)
        row = row if chosen is None else chosen
    detail.show(choice, row)
    if len(rows) > 1:
        selection.against_rest(choice)


main()
