"""Below the map: one selected study, and its neighbours in A and in B."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.pages.components.cards import cards
from suture.pages.components.retrieval.answers import nearest_items
from suture.pages.components.shell.navigation import page_link
from suture.pages.components.shell.shared_choice import Choice, link_to_study
from suture.pages.components.shell.views import View

NEIGHBOURS = 5


def show(choice: Choice, row: int) -> None:
    """The study's card first, then its neighbours."""
    left, *others = st.columns([1.1, *[1] * len(choice.views)])
    with left:
        cards.study_card(choice.a, row)
        page_link(
            "retrieval",
            "Open in Retrieval",
            ":material/search:",
            query=link_to_study(choice, choice.a.ids[row]),
        )
    for column, letter, word, shown in zip(others, "AB", cards.COLOUR_NAMES, choice.views, strict=False):
        with column:
            x, y = map(cards.escape, choice.pair)
            st.markdown(f":{word}-badge[{letter}] nearest {y} to its {x}")
            neighbours(shown, row, choice.pair)


def neighbours(shown: View, row: int, pair: tuple[str, str]) -> None:
    """The nearest items of the second modality to the study's first, and the rank of its own partner."""
    x, y = pair
    if not shown.set.present(x)[row]:
        st.caption(f"This study has no {cards.escape(x)}.")
        return
    query = np.asarray(shown.set.vectors[x][row : row + 1], np.float32)
    nearest = nearest_items(shown, y, query, k=NEIGHBOURS, own=row)
    if nearest.own_rank is not None:
        st.caption(f"Its own partner has rank {nearest.own_rank:,} of {nearest.n_items:,}.")
    for cosine, item in zip(nearest.cosines, nearest.rows, strict=True):
        own = " · own partner" if item == row else ""
        with st.container(border=True):
            st.caption(f"cosine {cosine:.3f}{own}")
            st.text(shown.ids[item])
            st.text(cards.first_text(shown, int(item), 160))
