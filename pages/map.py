"""Where do studies lie?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from suture.pages.components import linked_map as maps
from suture.pages.components import selection
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.map import colours as map_colours
from suture.pages.components.map import detail as map_detail
from suture.pages.components.map import layouts as map_layouts
from suture.pages.components.map import panels as map_panels
from suture.pages.components.serving import study_files
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.shell import Choice
from suture.workflows.layout_record import Layout

LINES = {"none": "none", "selected": "selected", "worst pairs": "worst", "all": "all"}
MEANING = {
    "PCA": "PCA is a straight view along the two directions of largest variance of all modalities together.",
    "UMAP": "UMAP keeps neighbours together; distances between far groups mean little.",
}
SIDES, MORPH = "side by side", "A turns into B"
NO_NAMES = "no label"
KEY = "map"


@dataclass(frozen=True)
class Look:
    """What the person wants to see on the map."""

    method: str
    morph: bool
    colour: str
    lines: str
    worst: float
    greyed: bool
    names: str


def main() -> None:
    shell.open_page("Map", "Where do studies lie? Shape is modality, colour is what you choose.")
    choice = shell.choose()
    asked_by_link(choice)
    look = looked(choice)
    selection.find(choice)
    layouts, method = map_layouts.found(
        choice, look.method, whole=look.greyed or look.colour == map_colours.TRUST
    )
    if not layouts:
        st.stop()
    draw(choice, layouts, look)
    st.caption(f"{MEANING[method]} {map_layouts.honesty(layouts)}")
    if method == "UMAP" and len(layouts) == 2:
        map_layouts.together(choice, layouts)
    st.fragment(detail, key="detail")(choice)


def asked_by_link(choice: Choice) -> None:
    """A link to one study selects it, once."""
    study = st.query_params.get("study")
    if study and st.session_state.get("map_linked") != study:
        row = views.row_of(choice.a, study)
        if row is not None:
            selection.set_rows(choice, [row], "from a link")
    st.session_state["map_linked"] = study


def looked(choice: Choice) -> Look:
    """The choices of the page: the two that matter in sight, the others one click away."""
    left, beside, middle, right = st.columns([1.05, 1.65, 1.6, 1.6], vertical_alignment="bottom")
    method = left.segmented_control("Map", ["PCA", "UMAP"], default="PCA", key="map_method", **LINK)
    how = SIDES
    if choice.b:
        how = beside.segmented_control("A and B", [SIDES, MORPH], default=SIDES, key="map_how", **LINK)
    colour = middle.selectbox("Colour", map_colours.options(choice), key="map_colour", **LINK)
    with right.popover("Lines, names, distortion", icon=":material/tune:", width="stretch"):
        lines = st.selectbox("Pair lines", [*LINES], index=1, key="map_lines", **LINK)
        worst = st.slider("Worst pairs of A, share of all", 1, 25, 5, format="%d %%", key="map_worst", **LINK)
        one = {"disabled": how == MORPH, **LINK}  # what differs between the two maps
        names = st.selectbox("Names on the map", [NO_NAMES, *choice.a.set.labels], key="map_names", **one)
        greyed = st.toggle("Grey what the map distorts", key="map_grey", help=map_layouts.GREYED, **one)
    label = "" if names == NO_NAMES else names
    return Look(method or "PCA", how == MORPH, colour, LINES[lines], worst / 100, greyed, label)


def draw(choice: Choice, layouts: Sequence[Layout], look: Look) -> None:
    """The maps, with the selection that all pages share."""
    moments: Sequence[maps.Moment] = ()
    colours = map_colours.colourings(choice, layouts, look.colour)
    if look.morph and map_panels.comparable(choice, layouts):
        panels, moments = map_panels.one_over_the_other(choice, layouts)
        colours = colours[:1]
    else:
        panels = map_panels.side_by_side(choice, layouts, greyed=look.greyed, names=look.names)
    url, thumb = study_files.urls(choice.a)
    st.caption(f"Colour: {map_colours.told(look.colour, morph=bool(moments))}")
    maps.linked_map(
        panels,
        cards=maps.Cards(url=url, thumb=thumb),
        colours=colours,
        moments=moments,
        lines=look.lines,
        worst=map_colours.worst(choice.a, choice.pair, look.worst) if look.lines == "worst" else None,
        selected=selection.current(choice).tolist(),
        key=KEY,
        on_select=lambda: on_select(choice),
    )


def on_select(choice: Choice) -> None:
    """A click changes what is below the map, not the page."""
    if selection.set_rows(choice, maps.selection(KEY), "on the map"):  # else it only tells what it was told
        st.rerun("detail")


def detail(choice: Choice) -> None:
    """The selected studies, and the neighbours of the one that is looked at."""
    selection.bar(choice)
    rows = selection.current(choice)
    if not len(rows):
        st.info("Click a point to see its image, its report and its neighbours.", icon=":material/touch_app:")
        return
    row = int(rows[0])
    if len(rows) > 1:
        chosen = selection.table(choice)
        row = row if chosen is None else chosen
    map_detail.show(choice, row)
    if len(rows) > 1:
        selection.against_rest(choice)


main()
