"""What really changed from A to B?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis import figures
from suture.data.errors import UserError
from suture.pages.components import selection
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare import animation, by_group, changed_studies, table
from suture.pages.components.compare.paired_views import Both, both
from suture.pages.components.shell import shell
from suture.pages.components.shell.shell import Choice


def main() -> None:
    shell.open_page("Compare", "What really changed from A to B?")
    choice = shell.choose()
    selection.bar(choice)
    if choice.b is None:
        nothing_beside(choice)
    try:
        found = both(choice)
    except UserError as error:
        st.error(cards.plain(error.message))
        st.stop()
    table.verdict(found)
    st.subheader("The numbers")
    table.section(found)
    if found.compared.sampling:
        st.info(found.compared.sampling, icon=":material/casino:")
    st.subheader("True pairs")
    pairs(found)
    st.subheader("Queries won and lost")
    changed_studies.flips(found)
    st.subheader("Who moved")
    changed_studies.movement(found)
    st.subheader("Neighbours gained and lost")
    changed_studies.neighbours(found)
    st.subheader("For whom")
    by_group.slices(found)
    st.subheader("How alike the spaces are")
    by_group.agreement(found)
    st.subheader("From A to B")
    animation.section(choice, found)
    st.subheader("What this rests on")
    by_group.notes(found)


def nothing_beside(choice: Choice) -> None:
    """No B: why, and the way forward."""
    if st.session_state.get("choose_b", shell.NONE) == shell.NONE:
        st.info("Nothing is compared yet: choose B in the sidebar.", icon=":material/compare_arrows:")
    else:
        st.info("A and B cannot be compared here; the sidebar says why.", icon=":material/compare_arrows:")
    st.markdown(
        "B is another embedding set of the same studies: made by another checkpoint, by one that you "
        "trained, or by adapting the vectors of A."
    )
    with st.container(horizontal=True):
        shell.link("library", "Embed with another checkpoint", ":material/inventory_2:")
        shell.link("train", "Train one", ":material/model_training:")
        shell.link("gap", "Adapt with the gap dial", ":material/straighten:")
    st.stop()


def pairs(found: Both) -> None:
    """Cosines of the true pairs, B over A."""
    a, b = found.compared.cosines
    figure = downloads.drawn(figures.pair_cosines, a, b, found.labels)
    alt = "Histograms of the cosines of true pairs, B over A"
    downloads.figure(figure, "compare_pairs", f"true pairs-{found.a.split}", alt=alt)
    row = found.compared.table.find("cos_true_pairs", *found.pair)
    told = f"{np.mean(b > a):.0%} of the studies have a higher cosine in B."
    if row is not None and row.difference is not None:
        told += f" The mean changes by {row.difference:+.3f}"
        if row.low is not None and row.high is not None:
            told += f" (95 % interval {row.low:+.3f} to {row.high:+.3f})"
        told += f": {row.verdict}."
    st.caption(told)


main()
