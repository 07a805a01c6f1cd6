"""Compare: what changed between A and B, with paired intervals and a verdict."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.data.errors import UserError
from suture.pages.components import selection
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare import (
    agreement,
    animation,
    by_group,
    changed_studies,
    method,
    paired_views,
    table,
)
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.shell import navigation, shared_choice


def main() -> None:
    navigation.open_page("Compare", "What changed from A to B, and is it more than chance?")
    choice = shared_choice.choose()
    selection.bar(choice)
    if choice.b is None:
        stop_without_b()
    try:
        paired = paired_views.compare(choice)
    except UserError as error:
        st.error(cards.escape(error.message))
        st.stop()
    table.verdict(paired)
    st.subheader("Metrics")
    table.section(paired)
    if paired.compared.sampling:
        st.info(paired.compared.sampling, icon=":material/casino:")
    st.subheader("Cosines of true pairs")
    pair_cosines(paired)
    st.subheader("Rank changes")
    changed_studies.rank_changes(paired)
    st.subheader("Studies that moved")
    changed_studies.moved_studies(paired)
    st.subheader("Neighbours lost and gained")
    changed_studies.neighbour_changes(paired)
    st.subheader("By group")
    by_group.differences(paired)
    st.subheader("Similarity of the embedding spaces")
    agreement.table(paired)
    st.subheader("Animation from A to B")
    animation.section(choice, paired)
    st.subheader("Method")
    method.notes(paired)


def stop_without_b() -> None:
    """Why there is no B, and how to get one."""
    if st.session_state.get("choose_b", shared_choice.NO_SET) == shared_choice.NO_SET:
        st.info("Choose B in the sidebar to compare it with A.", icon=":material/compare_arrows:")
    else:
        st.info("A and B cannot be compared; the sidebar says why.", icon=":material/compare_arrows:")
    st.markdown(
        "B is another embedding set of the same studies: made by another checkpoint, by one that you "
        "trained, or by adapting the vectors of A."
    )
    with st.container(horizontal=True):
        navigation.page_link("library", "Embed with another checkpoint", ":material/inventory_2:")
        navigation.page_link("train", "Train a checkpoint", ":material/model_training:")
        navigation.page_link("gap", "Adapt with the gap dial", ":material/straighten:")
    st.stop()


def pair_cosines(paired: PairedViews) -> None:
    """Histograms of the cosines of true pairs in A and B, overlaid."""
    a, b = paired.compared.cosines
    figure = downloads.cached_figure(figures.pair_cosines, a, b, paired.labels)
    alt = "Histograms of the cosines of true pairs, B over A"
    downloads.show_figure(figure, "compare_pairs", f"true pairs-{paired.a.split}", alt=alt)
    caption = f"{np.mean(b > a):.0%} of the studies have a higher cosine in B."
    row = paired.compared.table.find("cos_true_pairs", *paired.pair)
    if row is not None and row.difference is not None:
        caption += f" The mean changes by {row.difference:+.3f}"
        if row.low is not None and row.high is not None:
            caption += f" (95 % interval {row.low:+.3f} to {row.high:+.3f})"
        caption += f": {row.verdict}."
    st.caption(caption)


main()
