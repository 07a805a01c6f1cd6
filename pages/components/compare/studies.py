"""Single studies of a comparison: cards in pages of six, and one study opened beside its answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from suture.analysis.retrieval.nearest import nearest
from suture.pages.components.cards import cards
from suture.pages.components.compare.paired_views import Both
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.views import View

PAGE = 6
ANSWERS = 5
WIDTH = 110  # pixels of a thumbnail


def listing(
    both: Both,
    rows: Sequence[int] | np.ndarray,
    told: Callable[[int], str],
    key: str,
    *,
    direction: str,
    most: int = PAGE,
) -> None:
    """Cards of studies, at most so many at a time. told: what changed for study i, in Markdown."""
    pages = math.ceil(len(rows) / most)
    page = st.pagination(pages, key=f"{key}_page") if pages > 1 else 1
    with st.grid("auto", min_column_width=360):
        for row in rows[(page - 1) * most : page * most]:
            card(both, int(row), told(int(row)), key, direction=direction)


def card(both: Both, row: int, told: str, key: str, *, direction: str) -> None:
    """Picture, id, the start of the text, and a button that opens the study."""
    where = int(both.rows[row])
    image = picture(both.a, where)
    with st.container(border=True, horizontal=True, wrap=False):
        if image is not None:
            st.image(image, width=WIDTH, alt=f"Image of {both.ids[row]}")
        with st.container(gap="small"):
            st.caption(told)
            st.text(f"{both.ids[row]}\n{cards.first_text(both.a, where, 140)}")
            if st.button(
                "Open study",
                key=f"{key}-open-{both.ids[row]}",
                type="tertiary",
                icon=":material/open_in_full:",
            ):
                opened(both, row, direction)


def picture(shown: View, row: int) -> bytes | None:
    """The first picture of a study, or None."""
    study = shown.study(row)
    if study is None or shown.collection is None:
        return None
    for modality in shown.collection.modalities:
        if modality.kind == "image":
            return views.image_bytes(shown, study, modality.name)
    return None


@st.dialog("What comes back", width="large")
def opened(both: Both, row: int, direction: str) -> None:
    """A study as query: what comes back from A and from B."""
    where, study = int(both.rows[row]), both.ids[row]
    query, target = direction.split("->")
    left, *columns = st.columns([1.2, 1, 1])
    with left:
        cards.study_card(both.a, where)
        chosen = {"a": both.a.name, "b": both.b.name, "split": both.a.split, "pair": " and ".join(both.pair)}
        chosen["study"] = study
        shell.link("retrieval", "Open in Retrieval", ":material/search:", query=chosen)
    ranks = both.compared.ranks[direction]
    for column, letter, word, shown, rank in zip(columns, "AB", cards.WORDS, both.views, ranks, strict=True):
        with column:
            found = cards.plain(target)
            st.markdown(f":{word}-badge[{letter}] first right {found} at rank **{_rank(rank[row])}**")
            answers(both, shown, row, query, target)


def answers(both: Both, shown: View, row: int, query: str, target: str) -> None:
    """The nearest items of the other modality."""
    gallery = np.asarray(shown.set.vectors[target])[both.rows]
    asked = np.asarray(shown.set.vectors[query])[both.rows[row]][None]
    cosines, found = nearest(asked, gallery, k=ANSWERS)
    kind = next(
        (m.kind for m in (shown.collection.modalities if shown.collection else ()) if m.name == target), ""
    )
    for place, (cosine, item) in enumerate(zip(cosines[0], found[0], strict=True), start=1):
        own = " · :green[its own]" if item == row else ""
        st.caption(f"#{place} · cosine {cosine:.3f}{own}")
        where = int(both.rows[item])
        study = shown.study(where)
        image = picture(shown, where) if kind == "image" else None
        if image is not None:
            st.image(image, width=WIDTH, alt=f"Image of {both.ids[item]}")
        elif study is not None:
            st.text(str(study.values.get(target, ""))[:200])
        else:
            st.text(both.ids[item])


def moved_rank(both: Both, direction: str, row: int) -> str:
    """Rank of the first right answer in A and in B, in words."""
    before, after = (_rank(ranks[row]) for ranks in both.compared.ranks[direction])
    target = cards.plain(direction.split("->")[1])
    return f"first right {target}: rank **{before}** in A → **{after}** in B"


def _rank(rank: float) -> str:
    return f"{rank:,.0f}" if float(rank).is_integer() else f"{rank:,.1f}"
