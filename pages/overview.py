"""Overview: which data is loaded, and is there a modality gap?"""

from __future__ import annotations

import streamlit as st

from suture.analysis.evaluate import Evaluation
from suture.analysis.figures import MODALITY_COLOURS
from suture.analysis.gap.verdict import gap_summary
from suture.pages.components import selection
from suture.pages.components.cards import cards, loaded
from suture.pages.components.jobs import measuring
from suture.pages.components.linked_map import Cards, Colouring, linked_map, selected_rows
from suture.pages.components.map import panels
from suture.pages.components.map.layouts import pca_layouts
from suture.pages.components.serving import study_files
from suture.pages.components.shell import navigation, shared_choice, views
from suture.pages.components.shell.shared_choice import Choice, link_to_study

HEIGHT = 300  # pixels of a map
KEY = "overview_map"


def main() -> None:
    navigation.open_page("Overview", "Which data is loaded, and is there a modality gap?")
    choice = shared_choice.choose()
    loaded.sentence(choice)
    measured = all(map(measuring.is_measured, choice.views))
    if not measured:
        small_maps(choice)  # before what may take minutes
    evaluations = [measuring.evaluation(v) for v in choice.views]
    verdicts(choice, evaluations)
    numbers(evaluations, choice.pair)
    if measured:
        small_maps(choice)
    next_steps()
    details(choice, evaluations)


def verdicts(choice: Choice, evaluations: list[Evaluation]) -> None:
    """The verdict of each set in plain words."""
    x, y = map(cards.escape, choice.pair)
    for letter, word, shown, result in zip("AB", cards.COLOUR_NAMES, choice.views, evaluations, strict=False):
        verdict = gap_summary(result, choice.pair)
        if verdict is None:
            name = cards.escape(shown.name)
            st.warning(f"{name} has fewer than two studies with both {x} and {y} in this split.")
            continue
        st.markdown(f"#### :{word}-badge[{letter}] {cards.escape(verdict.headline)}")
        st.markdown(f"{cards.escape(verdict.explanation)} :gray[{cards.escape(verdict.basis)}]")
        st.caption(cards.escape(views.about_checkpoint(shown)))


def numbers(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    """Five numbers to read together: the gap, the cosine of pairs, their ratio, and recall both ways."""
    x, y = pair
    with cards.metric_grid():
        for name in ("centroid_gap", "cos_true_pairs", "rmg"):
            cards.metric_card([e.find(name, x, y) for e in evaluations])
        for a, b in ((x, y), (y, x)):
            where = {"direction": f"{a}->{b}", "protocol": "multi_positive"}
            recalls = [e.find("recall_at_10", **where) for e in evaluations]
            cards.metric_card(recalls, percent=True, subtitle=f"{a} → {b}")
    with st.popover("Download metrics", icon=":material/download:"):
        for letter, word, result in zip("AB", cards.COLOUR_NAMES, evaluations, strict=False):
            st.markdown(f":{word}-badge[{letter}]")
            cards.metric_downloads(result, f"{result.set}-{result.split}")


def small_maps(choice: Choice) -> None:
    st.subheader("Map")
    st.fragment(clicked, key="clicked")(choice)  # above: the card of a clicked study hangs over what is below
    layouts = pca_layouts(choice)
    if not layouts:
        return
    url, thumb = study_files.urls(choice.a)
    linked_map(
        panels.side_by_side(choice, layouts, grey_distorted=False, label_names=""),
        cards=Cards(url, thumb),
        colours=Colouring.by_modality(palette=MODALITY_COLOURS),
        height=HEIGHT,
        selected=selection.current(choice).tolist(),
        key=KEY,
        on_select=lambda: on_select(choice),
    )
    shares = [
        f"{sum(layout.explained):.0%} in {letter}" for letter, layout in zip("AB", layouts, strict=False)
    ]
    st.caption(
        "PCA: the two directions of largest variance of all modalities together. Explained variance: "
        f"{' and '.join(shares)}. A large gap shows as separate clouds; a smaller one can hide in the "
        "other directions, so rely on the numbers."
    )


def on_select(choice: Choice) -> None:
    """A click changes the line above the maps, not the page."""
    selection.set_rows(choice, selected_rows(KEY), "on the overview")
    st.rerun("clicked")


def clicked(choice: Choice) -> None:
    """The study that was clicked, and links to it; as high before the click as after it."""
    rows = selection.current(choice).tolist()
    with st.container(horizontal=True, vertical_alignment="center"):
        if not rows:
            st.text("Hover over a study to see it; click it to open it on another page.", width="content")
            navigation.page_link("map", "Open the map", ":material/scatter_plot:")
            return
        study = choice.a.ids[rows[0]]
        st.text(study + (f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""), width="content")
        query = link_to_study(choice, study)
        navigation.page_link("map", "Open on the map", ":material/scatter_plot:", query=query)
        navigation.page_link("retrieval", "Search with it", ":material/search:", query=query)


def next_steps() -> None:
    st.subheader("Next steps")
    steps = (
        ("map", "See single studies", ":material/scatter_plot:"),
        ("gap", "Analyse the gap", ":material/straighten:"),
        ("compare", "Compare A and B", ":material/compare_arrows:"),
        ("retrieval", "Search by text, study or image", ":material/search:"),
        ("train", "Close the gap", ":material/model_training:"),
        ("report", "Export report", ":material/lab_profile:"),
        ("library", "Add your own data", ":material/inventory_2:"),
    )
    with st.container(horizontal=True):
        for page, label, icon in steps:
            navigation.page_link(page, label, icon)


def details(choice: Choice, evaluations: list[Evaluation]) -> None:
    with st.expander("Loaded data"):
        loaded.card(choice)
    with st.expander("All metrics, with intervals"):
        for label, result in zip(choice.labels, evaluations, strict=True):
            st.markdown(f"**{cards.escape(label)}**")
            st.dataframe(cards.metric_rows(result), hide_index=True, width="stretch")
        st.caption(f"Intervals: {evaluations[0].interval}.")
    with st.expander("Provenance"):
        for shown in choice.views:
            st.json(
                {"set": shown.name, "fingerprint": shown.record.fingerprint, **shown.set.provenance.to_json()}
            )


main()
