"""What comes back for one vector: exact search in one modality of a set, and its answers as cards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis.neighbours import nearest, partner_rank
from pages.components import cards, shell, views
from pages.components.shell import Choice
from pages.components.views import View

WIDTH = 110  # pixels of a thumbnail
MEANING = (
    "Cosine: 1 = same direction, 0 = unrelated. Every item of the split is compared. Read the order, and "
    "compare cosines within one set only: each set has a scale of its own, and the gap is part of it."
)


@dataclass(frozen=True)
class Gallery:
    """What is searched: vectors (n_items, dim) float32 of unit length, item i of the study in rows[i]."""

    rows: np.ndarray
    vectors: np.ndarray


def gallery(shown: View, modality: str) -> Gallery:
    """All items of one modality of a view, kept ready for the next query."""
    return _gallery(shown.record.fingerprint, shown.name, shown.split, modality)


@st.cache_resource(show_spinner=False, max_entries=8)
def _gallery(fingerprint: str, name: str, split: str, modality: str) -> Gallery:
    part = views.view(name, split).set
    rows, vectors = part.rows_with(modality), np.asarray(part.vectors[modality], np.float32)
    return Gallery(rows, vectors if len(rows) == len(vectors) else vectors[rows])


def has(shown: View, modality: str) -> bool:
    """Whether a view has anything of this modality."""
    return modality in shown.set.modalities and len(gallery(shown, modality).rows) > 0


def side_by_side(choice: Choice, ask: Callable[[View], np.ndarray | None], target: str, k: int) -> None:
    """Answers of A and of B to what is asked; ask gives the query's vector in a set, or None."""
    for column, label, word, shown in zip(
        st.columns(len(choice.views)), choice.labels, cards.WORDS, choice.views, strict=False
    ):
        with column:
            st.markdown(f":{word}-badge[{cards.plain(label)}]")
            vector = ask(shown)
            if vector is not None:
                answers(choice, shown, vector, target, k)
    st.caption(MEANING)


def answers(
    choice: Choice, shown: View, vector: np.ndarray, target: str, k: int, *, own: int | None = None
) -> None:
    """The k best items of one modality; own is the study that asks, whose partner is looked for."""
    offered = gallery(shown, target)
    if not len(offered.rows):
        st.info(f"No study of this split has a {cards.plain(target)}.")
        return
    if own is not None:
        partner(shown, vector, offered, target, own)
    cosines, found = nearest(vector, offered.vectors, k=k)
    for place, (cosine, row) in enumerate(zip(cosines[0], offered.rows[found[0]], strict=True), start=1):
        said = right(shown, int(row), target, own)
        answer(choice, shown, int(row), target, f"#{place} · cosine {cosine:.3f}{said}")


def partner(shown: View, vector: np.ndarray, offered: Gallery, target: str, own: int) -> None:
    """Where the true partner of the study stands, in words."""
    place = int(np.searchsorted(offered.rows, own))
    if place == len(offered.rows) or offered.rows[place] != own:
        st.caption(f"This study has no {cards.plain(target)} that could be found.")
        return
    rank = partner_rank(vector, offered.vectors, place)
    same = int((shown.set.key(target) == key).sum()) - 1 if (key := shown.set.key(target)[own]) else 0
    twins = f" {same:,} more studies have the same {cards.plain(target)}." if same else ""
    st.markdown(f"The true partner is number **{rank:,}** of {len(offered.rows):,}.{twins}")


def right(shown: View, row: int, target: str, own: int | None) -> str:
    """What makes an answer right, as a mark behind it; "" for all others."""
    if own is None:
        return ""
    keys = shown.set.key(target)
    if row == own:
        return " · :green-badge[:material/check: true partner]"
    return f" · :green-badge[same {cards.plain(target)}]" if keys[own] and keys[own] == keys[row] else ""


def answer(choice: Choice, shown: View, row: int, target: str, said: str) -> None:
    """One answer: its picture beside its text, or its text alone."""
    study = shown.study(row)
    picture = None
    if study is not None and shown.collection and shown.collection.modality(target).kind == "image":
        picture = views.image_bytes(shown, study, target)
    with st.container(border=True, horizontal=True, wrap=False):
        if picture is not None:
            st.image(picture, width=WIDTH, alt=f"{target} of {shown.ids[row]}")
        with st.container(gap="small"):
            st.markdown(f":small[{said}]")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.text(shown.ids[row], width="content")
                on_the_map(choice, shown.ids[row])
            if study is not None:
                text = study.values.get(target, "")
                st.text(cards.first_text(shown, row, 160) if picture is not None else str(text)[:280])


def on_the_map(choice: Choice, study: str) -> None:
    """A link to the study among all others."""
    shell.link("map", "On the map", ":material/scatter_plot:", query=link_to(choice, study))


def link_to(choice: Choice, study: str) -> dict[str, str]:
    """What a link to another page needs to show the same sets, and this study."""
    b = choice.b.name if choice.b else shell.NONE
    return {
        "a": choice.a.name,
        "b": b,
        "split": choice.a.split,
        "pair": " and ".join(choice.pair),
        "study": study,
    }
