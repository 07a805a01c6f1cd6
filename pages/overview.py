"""What is loaded, and is there a gap?"""

from __future__ import annotations

import streamlit as st

from suture.analysis.evaluate import Evaluation
from suture.analysis.figures import MODALITY_COLOURS
from suture.analysis.gap.verdict import gap_summary
from suture.pages.components import linked_map as maps
from suture.pages.components import selection
from suture.pages.components.cards import cards, loaded
from suture.pages.components.jobs import measuring
from suture.pages.components.map import layouts as map_layouts
from suture.pages.components.map import panels
from suture.pages.components.retrieval.answers import link_to
from suture.pages.components.serving import study_files
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.shell import Choice

HEIGHT = 300  # pixels of a map
KEY = "overview_map"


def main() -> None:
    shell.open_page("Overview", "What is loaded, and is there a gap?")
    choice = shell.choose()
    loaded.sentence(choice)
    measured = all(map(measuring.known, choice.views))
    if not measured:
        small_maps(choice)  # before what may take minutes
    evaluations = [measuring.evaluation(v) for v in choice.views]
    verdict(choice, evaluations)
    numbers(evaluations, choice.pair)
    if measured:
        small_maps(choice)
    next_steps()
    details(choice, evaluations)


def verdict(choice: Choice, evaluations: list[Evaluation]) -> None:
    """Plain words first."""
    x, y = map(cards.plain, choice.pair)
    for letter, word, shown, result in zip("AB", cards.WORDS, choice.views, evaluations, strict=False):
        found = gap_summary(result, choice.pair)
        if found is None:
            name = cards.plain(shown.name)
            st.warning(f"{name} has fewer than two studies with both {x} and {y} in this split.")
            continue
        st.markdown(f"#### :{word}-badge[{letter}] {cards.plain(found.headline)}")
        st.markdown(f"{cards.plain(found.explanation)} :gray[{cards.plain(found.basis)}]")
        st.caption(cards.plain(views.about_checkpoint(shown)))


def numbers(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    """Five numbers that belong together: distance, pairs, both at once, and what retrieval makes of it."""
    x, y = pair
    with cards.wall():
        for name in ("centroid_gap", "cos_true_pairs", "rmg"):
            cards.number([e.find(name, x, y) for e in evaluations])
        for a, b in ((x, y), (y, x)):
            where = {"direction": f"{a}->{b}", "protocol": "multi_positive"}
            found = [e.find("recall_at_10", **where) for e in evaluations]
            cards.number(found, percent=True, subtitle=f"{a} → {b}")
    with st.popover("Download numbers", icon=":material/download:"):
        for letter, word, result in zip("AB", cards.WORDS, evaluations, strict=False):
            st.markdown(f":{word}-badge[{letter}]")
            cards.downloads(result, f"{result.set}-{result.split}")


def small_maps(choice: Choice) -> None:
    st.subheader("Where the studies lie")
    st.fragment(clicked, key="clicked")(choice)  # above: the card of a clicked study hangs over what is below
    layouts = map_layouts.straight(choice)
    if not layouts:
        return
    url, thumb = study_files.urls(choice.a)
    maps.linked_map(
        panels.side_by_side(choice, layouts, greyed=False, names=""),
        cards=maps.Cards(url, thumb),
        colours=maps.Colouring.by_modality(palette=MODALITY_COLOURS),
        height=HEIGHT,
        selected=selection.current(choice).tolist(),
        key=KEY,
        on_select=lambda: on_select(choice),
    )
    shares = [f"{sum(found.explained):.0%} in {letter}" for letter, found in zip("AB", layouts, strict=False)]
    st.caption(
        "The two directions of largest variance of all modalities together (PCA); they hold "
        f"{' and '.join(shares)} of it. A large gap shows as separate clouds; a smaller one can hide in the "
        "other directions, so trust the numbers."
    )


def on_select(choice: Choice) -> None:
    """A click changes the line above the maps, not the page."""
    selection.set_rows(choice, maps.selection(KEY), "on the overview")
    st.rerun("clicked")


def clicked(choice: Choice) -> None:
    """The study that was clicked, and where to go with it; as high before the click as after it."""
    rows = selection.current(choice).tolist()
    with st.container(horizontal=True, vertical_alignment="center"):
        if not rows:
            st.text("Point at a study to see it; click it to go on from it.", width="content")
            shell.link("map", "Open the map", ":material/scatter_plot:")
            return
        study = choice.a.ids[rows[0]]
        st.text(study + (f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""), width="content")
        query = link_to(choice, study)
        shell.link("map", "Open on the map", ":material/scatter_plot:", query=query)
        shell.link("retrieval", "Ask with it", ":material/search:", query=query)


def next_steps() -> None:
    st.subheader("Next")
    steps = (
        ("map", "Look at single studies", ":material/scatter_plot:"),
        ("gap", "See what kind of gap it is", ":material/straighten:"),
        ("compare", "Compare A and B", ":material/compare_arrows:"),
        ("retrieval", "Search by study or words", ":material/search:"),
        ("train", "Close the gap", ":material/model_training:"),
        ("report", "Take it all away in one file", ":material/lab_profile:"),
        ("library", "Use my own data", ":material/inventory_2:"),
    )
    with st.container(horizontal=True):
        for page, label, icon in steps:
            shell.link(page, label, icon)


def details(choice: Choice, evaluations: list[Evaluation]) -> None:
    with st.expander("What is loaded"):
        loaded.card(choice)
    with st.expander("All numbers, with intervals"):
        for label, result in zip(choice.labels, evaluations, strict=True):
            st.markdown(f"**{cards.plain(label)}**")
            st.dataframe(cards.table_of(result), hide_index=True, width="stretch")
        st.caption(f"Intervals: {evaluations[0].interval}.")
    with st.expander("Where these come from"):
        for shown in choice.views:
            st.json(
                {"set": shown.name, "fingerprint": shown.record.fingerprint, **shown.set.provenance.to_json()}
            )


main()
