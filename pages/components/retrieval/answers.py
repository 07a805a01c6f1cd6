"""What comes back for one vector: exact search in one modality of a set, and its answers as cards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import streamlit as st

from suture.analysis.retrieval.nearest import TIE, nearest, partner_rank, scan
from suture.pages.components.cards import cards
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.shell import Choice
from suture.pages.components.shell.views import View

MANY = 100_000  # items of which a copy stays in memory, ready for the next query
WIDTH = 110  # pixels of a thumbnail
MEANING = (
    "Cosine: 1 = same direction, 0 = unrelated. Every item of the split is compared. Read the order, and "
    "compare cosines within one set only: each set has a scale of its own, and the gap is part of it."
)


@dataclass(frozen=True)
class Near:
    """The items of one modality that are nearest to a vector, best first.

    cosines, rows  (k,) of the items, and rows of their studies
    of             number of items that were compared, all there are
    place          the asking study's own item among them, 1 = first; None where it has none or none asks
    """

    cosines: np.ndarray
    rows: np.ndarray
    of: int
    place: int | None


def near(shown: View, modality: str, vector: np.ndarray, *, k: int, own: int | None = None) -> Near:
    """Compare a vector (1, dim) with every item of one modality of a view; own is the row of who asks."""
    there = shown.set.present(modality)
    of, mine = int(there.sum()), None if own is None or not there[own] else own
    if len(there) > MANY:
        digest = blake2b(np.asarray(vector, np.float32).tobytes(), digest_size=12).hexdigest()
        at = (shown.record.fingerprint, shown.name, shown.split, modality)
        return _near_on_disk(*at, digest, k, mine, _vector=vector)
    rows, items = _gallery(shown.record.fingerprint, shown.name, shown.split, modality)
    cosines, found = nearest(vector, items, k=k)
    place = None if mine is None else partner_rank(vector, items, int(np.searchsorted(rows, mine)))
    return Near(cosines[0], rows[found[0]], of, place)


@st.cache_data(show_spinner="Comparing with every item…", max_entries=256)
def _near_on_disk(
    fingerprint: str,
    name: str,
    split: str,
    modality: str,
    digest: str,
    k: int,
    own: int | None,
    *,
    _vector: np.ndarray,
) -> Near:
    """One pass over what stays on disk; of millions there is no copy in memory."""
    part = views.view(name, split).set
    items, there, bars = part.vectors[modality], part.present(modality), None
    if own is not None:
        bars = np.asarray(items[own : own + 1], np.float32) @ np.asarray(_vector, np.float32).T + TIE
    found = scan(_vector, items, k=k, present=there, bars=bars)
    place = None if own is None else 1 + int(found.above[0, 0])
    return Near(found.cosines[0], found.rows[0], int(there.sum()), place)


@st.cache_resource(show_spinner=False, max_entries=8)
def _gallery(fingerprint: str, name: str, split: str, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows of the studies that have it, their vectors as float32), kept ready for the next query."""
    part = views.view(name, split).set
    rows, vectors = part.rows_with(modality), np.asarray(part.vectors[modality], np.float32)
    return rows, vectors if len(rows) == len(vectors) else vectors[rows]


def has(shown: View, modality: str) -> bool:
    """Whether a view has anything of this modality."""
    return modality in shown.set.modalities and bool(shown.set.present(modality).any())


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
    found = near(shown, target, vector, k=k, own=own)
    if not found.of:
        st.info(f"No study of this split has a {cards.plain(target)}.")
        return
    if own is not None:
        partner(shown, found, target, own)
    for number, (cosine, row) in enumerate(zip(found.cosines, found.rows, strict=True), start=1):
        said = right(shown, int(row), target, own)
        answer(choice, shown, int(row), target, f"#{number} · cosine {cosine:.3f}{said}")


def partner(shown: View, found: Near, target: str, own: int) -> None:
    """Where the true partner of the study stands, in words."""
    if found.place is None:
        st.caption(f"This study has no {cards.plain(target)} that could be found.")
        return
    same = int((shown.set.key(target) == key).sum()) - 1 if (key := shown.set.key(target)[own]) else 0
    twins = f" {same:,} more studies have the same {cards.plain(target)}." if same else ""
    st.markdown(f"The true partner is number **{found.place:,}** of {found.of:,}.{twins}")


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
