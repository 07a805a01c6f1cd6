"""One uploaded study with its neighbours in A and B: their labels, and whether it is an outlier."""

from __future__ import annotations

import numpy as np
import streamlit as st

from suture.analysis.retrieval import out_of_distribution
from suture.data.workspace import Record
from suture.pages.components.cards import cards
from suture.pages.components.retrieval import answers
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.studies import uploaded
from suture.pages.components.studies.search import UploadNeighbours
from suture.pages.components.studies.table import OUTSIDE
from suture.pages.components.studies.uploaded import UploadsInSet
from suture.workflows.neighbours import neighbour_search

EDGE, FAR = 0.95, 0.99
MAX_LABELS = 6


def study(
    choice: Choice, batch: Record, placed: list[UploadsInSet], neighbours: UploadNeighbours, row: int
) -> None:
    """One study, and its neighbours in A and B beside it."""
    card, *columns = st.columns([1, *[1.5] * len(placed)])
    with card:
        _card(batch, row)
    for column, one in zip(columns, placed, strict=True):
        with column:
            st.markdown(f":{one.colour_name}-badge[{one.letter}: {cards.escape(one.view.name)}]")
            _neighbours(choice, one, neighbours, row)


def _card(batch: Record, row: int) -> None:
    """Image and texts as plain text."""
    collection = uploaded.collection(batch)
    shown = collection.study(row)
    st.markdown("**Your study**")
    st.text(shown.id)
    for modality in collection.modalities:
        value = shown.values.get(modality.name)
        if modality.kind == "image" and value is not None:
            content = uploaded.image(batch, int(value))
            if content is not None:
                st.image(content, width="stretch", alt=f"{modality.name} of {shown.id}")
        elif modality.kind == "text" and value:
            st.caption(cards.escape(modality.name))
            st.text(value)
    labels = {k: v for k, v in shown.labels.items() if v}
    if labels:
        st.dataframe({"label": [*labels], "value": [*labels.values()]}, hide_index=True, width="stretch")


def _neighbours(choice: Choice, one: UploadsInSet, neighbours: UploadNeighbours, row: int) -> None:
    (x, y), nearest = neighbours.direction, neighbours.nearest(one.letter)
    rows = nearest.rows[row]
    rows = rows[rows >= 0][: neighbours.k]
    if not len(rows):
        st.caption(f"This study has no {cards.escape(x)}.")
        return
    _say_outlier(float(neighbours.outside(one.letter)[row]), x)
    if not np.isnan(nearest.own[row]):
        rank = int(nearest.own[row])
        st.caption(
            f"Its own {cards.escape(y)} has rank **{rank:,}** among itself and these {nearest.gallery:,}."
        )
    _agreement(one, rows)
    other_ranks = _ranks_in_other_set(one, neighbours, row, rows)
    for place, (item, other_rank) in enumerate(zip(rows, other_ranks, strict=True)):
        caption = f"#{place + 1} · cosine {nearest.cosines[row, place]:.3f}{other_rank}"
        answers.answer(choice, one.view, int(item), y, caption)


def _ranks_in_other_set(
    one: UploadsInSet, neighbours: UploadNeighbours, row: int, rows: np.ndarray
) -> list[str]:
    """The rank of each neighbour in the other set, in words."""
    letter = next((x for x in neighbours.in_set if x != one.letter), None)
    if letter is None:
        return [""] * len(rows)
    other = neighbours.in_set[letter]
    vectors = {m: v[row : row + 1] for m, v in other.vectors.items()}
    ids = np.asarray([[one.view.ids[item] for item in rows]], dtype=object)
    places = neighbour_search.ranks_in_other_set(other.part, vectors, neighbours.direction, ids)[0]
    return [f" · not in {letter}" if np.isnan(p) else f" · #{int(p):,} in {letter}" for p in places]


def _say_outlier(score: float, modality: str) -> None:
    """The out-of-distribution score in words."""
    if np.isnan(score):
        return
    name = cards.escape(modality)
    if score >= FAR:
        colour, word = "red", f"Outlier: its {name} is unlike the collection. Do not rely on the neighbours."
    elif score >= EDGE:
        colour, word = "orange", f"Borderline: few studies are as far from the others by {name}."
    else:
        colour, word = "green", f"Typical: its {name} lies within the collection."
    st.markdown(f":{colour}[**{word}**] Further out than **{score:.1%}** of the collection.", help=OUTSIDE)


def _agreement(one: UploadsInSet, rows: np.ndarray) -> None:
    """The labels that most neighbours share, against their share of the collection."""
    shared = out_of_distribution.shared_labels(one.view.set.rows[one.view.set.labels], rows)[:MAX_LABELS]
    if not shared:
        return
    st.caption("Labels that most neighbours share")
    st.dataframe(
        {
            "label": [f"{a.label} = {a.value}" for a in shared],
            "neighbours": [f"{a.count} of {a.known}" for a in shared],
            "collection": [f"{a.base:.0%}" for a in shared],
        },
        hide_index=True,
        width="stretch",
    )
