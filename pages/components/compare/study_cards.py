"""Studies of a comparison: cards in pages of six, and one study opened with its answers in A and B."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from suture.analysis.retrieval.nearest import nearest
from suture.pages.components.cards import cards
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.shell import navigation, views
from suture.pages.components.shell.views import View

PAGE = 6
ANSWERS = 5
WIDTH = 110  # pixels of a thumbnail


def listing(
    paired: PairedViews,
    rows: Sequence[int] | np.ndarray,
    caption: Callable[[int], str],
    key: str,
    *,
    direction: str,
    most: int = PAGE,
) -> None:
    """Cards of studies, at most so many at a time. caption: what changed for study i, in Markdown."""
    pages = math.ceil(len(rows) / most)
    page = st.pagination(pages, key=f"{key}_page") if pages > 1 else 1
    with st.grid("auto", min_column_width=360):
        for row in rows[(page - 1) * most : page * most]:
            card(paired, int(row), caption(int(row)), key, direction=direction)


def card(paired: PairedViews, row: int, caption: str, key: str, *, direction: str) -> None:
    """Image, id, the start of the text, and a button that opens the study."""
    where = int(paired.rows[row])
    image = first_image(paired.a, where)
    with st.container(border=True, horizontal=True, wrap=False):
        if image is not None:
            st.image(image, width=WIDTH, alt=f"Image of {paired.ids[row]}")
        with st.container(gap="small"):
            st.caption(caption)
            st.text(f"{paired.ids[row]}\n{cards.first_text(paired.a, where, 140)}")
            if st.button(
                "Open study",
                key=f"{key}-open-{paired.ids[row]}",
                type="tertiary",
                icon=":material/open_in_full:",
            ):
                open_study(paired, row, direction)


def first_image(shown: View, row: int) -> bytes | None:
    """The first image of a study, or None."""
    study = shown.study(row)
    if study is None or shown.collection is None:
        return None
    for modality in shown.collection.modalities:
        if modality.kind == "image":
            return views.image_bytes(shown, study, modality.name)
    return None


@st.dialog("Answers in A and B", width="large")
def open_study(paired: PairedViews, row: int, direction: str) -> None:
    """A study as a query: its nearest items in A and in B."""
    where, study = int(paired.rows[row]), paired.ids[row]
    query, target = direction.split("->")
    left, *columns = st.columns([1.2, 1, 1])
    with left:
        cards.study_card(paired.a, where)
        chosen = {
            "a": paired.a.name,
            "b": paired.b.name,
            "split": paired.a.split,
            "pair": " and ".join(paired.pair),
        }
        chosen["study"] = study
        navigation.page_link("retrieval", "Open in Retrieval", ":material/search:", query=chosen)
    ranks = paired.compared.ranks[direction]
    for column, letter, word, shown, rank in zip(
        columns, "AB", cards.COLOUR_NAMES, paired.views, ranks, strict=True
    ):
        with column:
            st.markdown(
                f":{word}-badge[{letter}] first right {cards.escape(target)} at rank **{_rank(rank[row])}**"
            )
            answers(paired, shown, row, query, target)


def answers(paired: PairedViews, shown: View, row: int, query: str, target: str) -> None:
    """The nearest items of the other modality."""
    gallery = np.asarray(shown.set.vectors[target])[paired.rows]
    vector = np.asarray(shown.set.vectors[query])[paired.rows[row]][None]
    cosines, items = nearest(vector, gallery, k=ANSWERS)
    kind = next(
        (m.kind for m in (shown.collection.modalities if shown.collection else ()) if m.name == target), ""
    )
    for place, (cosine, item) in enumerate(zip(cosines[0], items[0], strict=True), start=1):
        own = " · :green[true partner]" if item == row else ""
        st.caption(f"#{place} · cosine {cosine:.3f}{own}")
        where = int(paired.rows[item])
        study = shown.study(where)
        image = first_image(shown, where) if kind == "image" else None
        if image is not None:
            st.image(image, width=WIDTH, alt=f"Image of {paired.ids[item]}")
        elif study is not None:
            st.text(str(study.values.get(target, ""))[:200])
        else:
            st.text(paired.ids[item])


def rank_change(paired: PairedViews, direction: str, row: int) -> str:
    """Rank of the first right answer in A and in B, in words."""
    before, after = (_rank(ranks[row]) for ranks in paired.compared.ranks[direction])
    target = cards.escape(direction.split("->")[1])
    return f"first right {target}: rank **{before}** in A → **{after}** in B"


def _rank(rank: float) -> str:
    return f"{rank:,.0f}" if float(rank).is_integer() else f"{rank:,.1f}"
