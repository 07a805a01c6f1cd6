"""What is loaded, and is there a gap?"""

from __future__ import annotations

import streamlit as st

from analysis import figures
from analysis.evaluate import Evaluation
from analysis.verdict import reading
from pages.components import cards, downloads, shell, views
from pages.components.shell import Choice


def main() -> None:
    shell.open_page("Overview", "What is loaded, and is there a gap?")
    choice = shell.choose()
    evaluations = [views.evaluation(v) for v in choice.views]
    verdict(choice, evaluations)
    numbers(evaluations, choice.pair)
    maps(choice)
    next_steps()
    details(choice, evaluations)


def verdict(choice: Choice, evaluations: list[Evaluation]) -> None:
    """Plain words first."""
    x, y = choice.pair
    for letter, word, shown, result in zip("AB", cards.WORDS, choice.views, evaluations, strict=False):
        found = reading(result, choice.pair)
        if found is None:
            st.warning(f"{shown.name!r} has fewer than two studies with both {x} and {y} in this split.")
            continue
        st.markdown(f"#### :{word}-badge[{letter}] {cards.plain(found.headline)}")
        st.markdown(f"{cards.plain(found.explanation)} :gray[{cards.plain(found.basis)}]")
        st.caption(cards.plain(views.about_checkpoint(shown)))


def numbers(evaluations: list[Evaluation], pair: tuple[str, str]) -> None:
    """Five numbers that belong together: distance, pairs, both at once, and what retrieval makes of it."""
    x, y = pair
    with st.container(horizontal=True):
        for name in ("centroid_gap", "cos_true_pairs", "rmg"):
            cards.number([e.find(name, x, y) for e in evaluations])
        for a, b in ((x, y), (y, x)):
            where = {"direction": f"{a}->{b}", "protocol": "multi_positive"}
            found = [e.find("recall_at_10", **where) for e in evaluations]
            cards.number(found, percent=True, subtitle=f"{a} → {b}")


def maps(choice: Choice) -> None:
    st.subheader("Where the studies lie")
    for column, label, shown in zip(st.columns(len(choice.views)), choice.labels, choice.views, strict=True):
        result, points = views.pca(shown)
        figure = figures.small_map(points, explained=result.explained, colours=figures.MODALITY_COLOURS)
        column.markdown(f"**{label}**")
        column.plotly_chart(figure, key=f"small-{label}", config=downloads.FIGURE)
    st.caption(
        "The two directions of largest variance of all modalities together (PCA). Each point is one "
        "image (triangle) or one text (diamond, circle). A large gap shows as separate clouds; a smaller one "
        "can hide in the other directions, so trust the numbers."
    )


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
    with st.expander("All numbers, with intervals"):
        for label, result in zip(choice.labels, evaluations, strict=True):
            st.markdown(f"**{label}**")
            st.dataframe(cards.table_of(result), hide_index=True, width="stretch")
            cards.downloads(result, f"{result.set}-{result.split}")
        st.caption(f"Intervals: {evaluations[0].interval}.")
    with st.expander("Where these come from"):
        for shown in choice.views:
            st.json({"set": shown.name, "fingerprint": shown.record.fingerprint, **shown.set.provenance})


main()
