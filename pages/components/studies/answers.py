"""One visiting study beside its neighbours in A and B: what these agree on, how far out it lies."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis.retrieval import out_of_distribution
from suture.data.workspace import Record
from suture.pages.components.cards import cards
from suture.pages.components.retrieval import answers
from suture.pages.components.shell.shell import Choice
from suture.pages.components.studies import visit as studies_visit
from suture.pages.components.studies.ask import Asked
from suture.pages.components.studies.table import OUTSIDE
from suture.pages.components.studies.visit import Side
from suture.workflows.neighbours import neighbour_search

EDGE, FAR = 0.95, 0.99
AGREEING = 6  # labels shown


def study(choice: Choice, visit: Record, sides: list[Side], asked: Asked, row: int) -> None:
    """One study, and its answers from A and B beside it."""
    card, *columns = st.columns([1, *[1.5] * len(sides)])
    with card:
        _card(visit, row)
    for column, side in zip(columns, sides, strict=True):
        with column:
            st.markdown(f":{side.words}-badge[{side.letter}: {cards.plain(side.view.name)}]")
            _side(choice, side, asked, row)


def _card(visit: Record, row: int) -> None:
    """Picture and texts as plain text."""
    held = studies_visit.collection(visit)
    shown = held.study(row)
    st.markdown("**Your study**")
    st.text(shown.id)
    for modality in held.modalities:
        value = shown.values.get(modality.name)
        if modality.kind == "image" and value is not None:
            content = studies_visit.picture(visit, int(value))
            if content is not None:
                st.image(content, width="stretch", alt=f"{modality.name} of {shown.id}")
        elif modality.kind == "text" and value:
            st.caption(cards.plain(modality.name))
            st.text(value)
    labels = {k: v for k, v in shown.labels.items() if v}
    if labels:
        st.dataframe({"label": [*labels], "value": [*labels.values()]}, hide_index=True, width="stretch")


def _side(choice: Choice, side: Side, asked: Asked, row: int) -> None:
    (x, y), found = asked.direction, asked.nearest(side.letter)
    rows = found.rows[row]
    rows = rows[rows >= 0][: asked.k]
    if not len(rows):
        st.caption(f"This study has no {cards.plain(x)}.")
        return
    _how_far(float(asked.outside(side.letter)[row]), x)
    if not np.isnan(found.own[row]):
        place = int(found.own[row])
        st.caption(
            f"Its own {cards.plain(y)} is number **{place:,}** among itself and these {found.gallery:,}."
        )
    _agreement(side, rows)
    there = _elsewhere(side, asked, row, rows)
    for place, (item, said) in enumerate(zip(rows, there, strict=True)):
        told = f"#{place + 1} · cosine {found.cosines[row, place]:.3f}{said}"
        answers.answer(choice, side.view, int(item), y, told)


def _elsewhere(side: Side, asked: Asked, row: int, rows: np.ndarray) -> list[str]:
    """Which place each neighbour takes on the other side, in words."""
    letter = next((x for x in asked.held if x != side.letter), None)
    if letter is None:
        return [""] * len(rows)
    other = asked.held[letter]
    one = {m: v[row : row + 1] for m, v in other.vectors.items()}
    ids = np.asarray([[side.view.ids[item] for item in rows]], dtype=object)
    places = neighbour_search.elsewhere(other.part, one, asked.direction, ids)[0]
    return [f" · not in {letter}" if np.isnan(p) else f" · #{int(p):,} in {letter}" for p in places]


def _how_far(score: float, modality: str) -> None:
    """The out-of-collection score in words."""
    if np.isnan(score):
        return
    name = cards.plain(modality)
    if score >= FAR:
        colour, word = "red", f"Outside: its {name} is like nothing in the collection. Doubt what follows."
    elif score >= EDGE:
        colour, word = "orange", f"At the edge: few studies are as far from others by {name}."
    else:
        colour, word = "green", f"Inside: its {name} lies among those of the collection."
    st.markdown(f":{colour}[**{word}**] Farther out than **{score:.1%}** of the collection.", help=OUTSIDE)


def _agreement(side: Side, rows: np.ndarray) -> None:
    """The labels that most neighbours share, against their share of the collection."""
    found = out_of_distribution.shared_labels(side.view.set.rows[side.view.set.labels], rows)[:AGREEING]
    if not found:
        return
    st.caption("What the nearest agree on")
    st.dataframe(
        {
            "most are": [f"{a.label} = {a.value}" for a in found],
            "of them": [f"{a.count} of {a.known}" for a in found],
            "in all": [f"{a.base:.0%}" for a in found],
        },
        hide_index=True,
        width="stretch",
    )
