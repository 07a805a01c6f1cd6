"""Below the map: the study that is looked at, and its neighbours in A and in B."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.pages.components.cards import cards
from suture.pages.components.retrieval.answers import link_to, near
from suture.pages.components.shell.shell import Choice, link
from suture.pages.components.shell.views import View

NEIGHBOURS = 5


def show(choice: Choice, row: int) -> None:
    """The study's card first, then what is near it."""
    left, *others = st.columns([1.1, *[1] * len(choice.views)])
    with left:
        cards.study_card(choice.a, row)
        link("retrieval", "Open in Retrieval", ":material/search:", query=link_to(choice, choice.a.ids[row]))
    for column, letter, word, shown in zip(others, "AB", cards.WORDS, choice.views, strict=False):
        with column:
            x, y = map(cards.plain, choice.pair)
            st.markdown(f":{word}-badge[{letter}] nearest {y} to its {x}")
            neighbours(shown, row, choice.pair)


def neighbours(shown: View, row: int, pair: tuple[str, str]) -> None:
    """Items of the second modality that are closest to the study's first, and where its own stands."""
    x, y = pair
    if not shown.set.present(x)[row]:
        st.caption(f"This study has no {cards.plain(x)}.")
        return
    query = np.asarray(shown.set.vectors[x][row : row + 1], np.float32)
    found = near(shown, y, query, k=NEIGHBOURS, own=row)
    if found.place is not None:
        st.caption(f"Its own partner is number {found.place:,} of {found.of:,}.")
    for cosine, item in zip(found.cosines, found.rows, strict=True):
        own = " · own partner" if item == row else ""
        with st.container(border=True):
            st.caption(f"cosine {cosine:.3f}{own}")
            st.text(shown.ids[item])
            st.text(cards.first_text(shown, int(item), 160))
