"""The nearest items to a query vector in one modality of a set, and how pages show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import streamlit as st

from suture.analysis.retrieval.nearest import TIE, nearest, partner_rank, scan
from suture.pages.components.cards import cards
from suture.pages.components.shell import navigation, views
from suture.pages.components.shell.shared_choice import Choice, link_to_study
from suture.pages.components.shell.views import View

MAX_IN_MEMORY = 100_000  # items of which a copy stays in memory, ready for the next query
WIDTH = 110  # pixels of a thumbnail
MEANING = (
    "Cosine: 1 = same direction, 0 = unrelated. Every item of the split is compared. Compare ranks between "
    "sets, and cosines within one set only: each set has its own scale, and the gap is part of it."
)


@dataclass(frozen=True)
class NearestItems:
    """The items of one modality that are nearest to a vector, best first.

    cosines, rows  (k,) of the items, and rows of their studies
    n_items        number of items that were compared, all there are
    own_rank       rank of the query study's own item, 1 = first; None without one
    """

    cosines: np.ndarray
    rows: np.ndarray
    n_items: int
    own_rank: int | None


def nearest_items(
    shown: View, modality: str, vector: np.ndarray, *, k: int, own: int | None = None
) -> NearestItems:
    """Compare a vector (1, dim) with every item of one modality of a view. own: row of the query study."""
    present = shown.set.present(modality)
    own = None if own is None or not present[own] else own
    if len(present) > MAX_IN_MEMORY:
        digest = blake2b(np.asarray(vector, np.float32).tobytes(), digest_size=12).hexdigest()
        return _nearest_on_disk(
            shown.record.fingerprint, shown.name, shown.split, modality, digest, k, own, _vector=vector
        )
    rows, items = _gallery(shown.record.fingerprint, shown.name, shown.split, modality)
    cosines, places = nearest(vector, items, k=k)
    rank = None if own is None else partner_rank(vector, items, int(np.searchsorted(rows, own)))
    return NearestItems(cosines[0], rows[places[0]], int(present.sum()), rank)


@st.cache_data(show_spinner="Comparing with every item…", max_entries=256)
def _nearest_on_disk(
    fingerprint: str,
    name: str,
    split: str,
    modality: str,
    digest: str,
    k: int,
    own: int | None,
    *,
    _vector: np.ndarray,
) -> NearestItems:
    """One pass over vectors that stay on disk; millions are never copied into memory."""
    part = views.view(name, split).set
    items, present, bars = part.vectors[modality], part.present(modality), None
    if own is not None:
        bars = np.asarray(items[own : own + 1], np.float32) @ np.asarray(_vector, np.float32).T + TIE
    hits = scan(_vector, items, k=k, present=present, thresholds=bars)
    rank = None if own is None else 1 + int(hits.above[0, 0])
    return NearestItems(hits.cosines[0], hits.rows[0], int(present.sum()), rank)


@st.cache_resource(show_spinner=False, max_entries=8)
def _gallery(fingerprint: str, name: str, split: str, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows of the studies that have it, their vectors as float32), kept ready for the next query."""
    part = views.view(name, split).set
    rows, vectors = part.rows_with(modality), np.asarray(part.vectors[modality], np.float32)
    return rows, vectors if len(rows) == len(vectors) else vectors[rows]


def has(shown: View, modality: str) -> bool:
    """Whether a view has anything of this modality."""
    return modality in shown.set.modalities and bool(shown.set.present(modality).any())


def side_by_side(choice: Choice, embed: Callable[[View], np.ndarray | None], target: str, k: int) -> None:
    """The nearest items in A and in B. embed: gives the query's vector in a set, or None."""
    for column, label, word, shown in zip(
        st.columns(len(choice.views)), choice.labels, cards.COLOUR_NAMES, choice.views, strict=False
    ):
        with column:
            st.markdown(f":{word}-badge[{cards.escape(label)}]")
            vector = embed(shown)
            if vector is not None:
                answers(choice, shown, vector, target, k)
    st.caption(MEANING)


def answers(
    choice: Choice, shown: View, vector: np.ndarray, target: str, k: int, *, own: int | None = None
) -> None:
    """The k nearest items of one modality; own: the row of the query study, whose partner is marked."""
    nearest = nearest_items(shown, target, vector, k=k, own=own)
    if not nearest.n_items:
        st.info(f"No study of this split has a {cards.escape(target)}.")
        return
    if own is not None:
        say_partner_rank(shown, nearest, target, own)
    for number, (cosine, row) in enumerate(zip(nearest.cosines, nearest.rows, strict=True), start=1):
        mark = right_mark(shown, int(row), target, own)
        answer(choice, shown, int(row), target, f"#{number} · cosine {cosine:.3f}{mark}")


def say_partner_rank(shown: View, nearest: NearestItems, target: str, own: int) -> None:
    """The rank of the query study's true partner, in words."""
    if nearest.own_rank is None:
        st.caption(f"This study has no {cards.escape(target)} to find.")
        return
    same = int((shown.set.key(target) == key).sum()) - 1 if (key := shown.set.key(target)[own]) else 0
    same_content = f" {same:,} more studies have the same {cards.escape(target)}." if same else ""
    st.markdown(f"The true partner has rank **{nearest.own_rank:,}** of {nearest.n_items:,}.{same_content}")


def right_mark(shown: View, row: int, target: str, own: int | None) -> str:
    """A badge for a right answer: the true partner, or the same content; "" for all others."""
    if own is None:
        return ""
    keys = shown.set.key(target)
    if row == own:
        return " · :green-badge[:material/check: true partner]"
    return f" · :green-badge[same {cards.escape(target)}]" if keys[own] and keys[own] == keys[row] else ""


def answer(choice: Choice, shown: View, row: int, target: str, caption: str) -> None:
    """One answer: its image beside its text, or its text alone."""
    study = shown.study(row)
    image = None
    if study is not None and shown.collection and shown.collection.modality(target).kind == "image":
        image = views.image_bytes(shown, study, target)
    with st.container(border=True, horizontal=True, wrap=False):
        if image is not None:
            st.image(image, width=WIDTH, alt=f"{target} of {shown.ids[row]}")
        with st.container(gap="small"):
            st.markdown(f":small[{caption}]")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.text(shown.ids[row], width="content")
                map_link(choice, shown.ids[row])
            if study is not None:
                text = study.values.get(target, "")
                st.text(cards.first_text(shown, row, 160) if image is not None else str(text)[:280])


def map_link(choice: Choice, study: str) -> None:
    """A link to the study on the map."""
    navigation.page_link("map", "On the map", ":material/scatter_plot:", query=link_to_study(choice, study))
