"""What the visiting studies are like: neighbours in A and B, what these agree on, who lies outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from analysis import likeness
from analysis.likeness import Nearest
from analysis.tables import csv_text
from data.collection import STUDY_ID
from data.workspace import Record
from models import newcomers
from pages.components import cards, retrieval_answers, studies_visit, views
from pages.components.compare_data import LINK
from pages.components.downloads import offer
from pages.components.shell import Choice
from pages.components.studies_visit import Side
from pages.components.views import View

MOST = 12  # neighbours that can be shown
EDGE, FAR = 0.95, 0.99
AGREEING = 6  # labels shown
OUTSIDE = (
    f"Distance to the {likeness.NEIGHBOURS}th nearest study of the same modality, held against the same "
    "distance of the collection's own studies. Of studies like these, 5 % lie beyond 95 %. A model can also "
    "put strange pictures among known ones, so a low number is no proof that a study belongs."
)


@dataclass(frozen=True)
class Asked:
    """One direction (who asks, who answers), and what came back by letter of the side.

    outside  letter -> (n,) share of the collection that lies nearer in, NaN where the modality is missing
    """

    direction: tuple[str, str]
    k: int
    nearest: dict[str, Nearest]
    outside: dict[str, np.ndarray]


def ask(sides: list[Side], pair: tuple[str, str]) -> Asked | None:
    """Choose a direction among those that these studies allow, and ask A and B."""
    answers = {s.letter: _answers(s.view, s.guests.name, s.guests.fingerprint, pair) for s in sides}
    known = [d for d in answers[sides[0].letter][0] if all(d in found for found, _ in answers.values())]
    directions = {f"{x} → {y}": (x, y) for x, y in known}
    if not directions:
        st.warning(
            "None of the checkpoints has an encoder for what these studies hold.", icon=":material/block:"
        )
        return None
    left, right = st.columns([3, 1])
    if st.session_state.get("studies_direction") not in directions:
        st.session_state.pop("studies_direction", None)
    chosen = left.segmented_control(
        "Nearest, from → to", [*directions], default=next(iter(directions)), key="studies_direction", **LINK
    )
    k = right.slider("How many", 1, MOST, 5, key="studies_k", **LINK)
    x, y = directions[chosen or next(iter(directions))]
    nearest = {letter: found[x, y] for letter, (found, _) in answers.items()}
    _among(sides[0], x, y, nearest[sides[0].letter].gallery)
    return Asked((x, y), k, nearest, {letter: out[x] for letter, (_, out) in answers.items()})


def _among(side: Side, x: str, y: str, gallery: int) -> None:
    """Whom they are held against, and as what."""
    own = newcomers.matched(side.guests, side.view.set)[x]
    renamed = "" if own == x else f" Your {cards.plain(own)} is held against its {cards.plain(x)}."
    split = "of all splits" if side.view.split == "all" else f"of the {cards.plain(side.view.split)} split"
    st.caption(f"Answers: the {cards.plain(y)} of {gallery:,} studies {split}.{renamed}")


def _answers(
    shown: View, guests: str, fingerprint: str, pair: tuple[str, str]
) -> tuple[dict[tuple[str, str], Nearest], dict[str, np.ndarray]]:
    return _kept(shown.record.fingerprint, shown.name, shown.split, guests, fingerprint, pair)


@st.cache_data(show_spinner="Looking for their neighbours…", max_entries=16)
def _kept(
    reference: str, name: str, split: str, guests: str, fingerprint: str, pair: tuple[str, str]
) -> tuple[dict[tuple[str, str], Nearest], dict[str, np.ndarray]]:
    """(direction -> nearest, modality -> how far out), by names and fingerprints."""
    part = views.view(name, split).set
    visiting = newcomers.load(views.workspace(), guests)
    vectors = newcomers.in_space(views.workspace(), visiting, part)
    vectors = {m: v for m, v in vectors.items() if np.any(v)}
    found = likeness.neighbours(vectors, part, k=MOST, targets=pair)
    out = {}
    for m, rows in vectors.items():
        known = np.asarray(part.vectors[m])[part.rows_with(m)]
        out[m] = likeness.outside(rows, known, likeness.usual(known))
    return found, out


def table(visit: Record, sides: list[Side], asked: Asked) -> int:
    """All studies in a table; the row that was chosen, else the first."""
    ids = sides[0].guests.rows[STUDY_ID].tolist()
    rows = [{"study": study, **_cells(sides, asked, row)} for row, study in enumerate(ids)]
    event = st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height=min(38 + 35 * len(rows), 320),
        on_select="rerun",
        selection_mode="single-row",
        key=f"studies_table_{visit.name}",
        column_config={f"outside, {s.letter}": OUTSIDE_COLUMN for s in sides},
    )
    x, y = asked.direction
    label = f"{x} to {y}"
    line = st.container(horizontal=True)
    offer(line, "Table (CSV)", csv_text(rows), f"studies {label}.csv", "text/csv", key="studies_t")
    every = csv_text(long(sides, asked, ids))
    offer(line, "All neighbours (CSV)", every, f"neighbours {label}.csv", "text/csv", key="studies_n")
    if len(ids) > 1:
        line.caption("Choose a row to look at its study.")
    chosen = event["selection"]["rows"]
    return chosen[0] if chosen and chosen[0] < len(ids) else 0


OUTSIDE_COLUMN = st.column_config.NumberColumn(format="percent", help=OUTSIDE)


def _cells(sides: list[Side], asked: Asked, row: int) -> dict[str, object]:
    cells: dict[str, object] = {}
    for side in sides:
        found = asked.nearest[side.letter]
        best = int(found.rows[row, 0])
        own, out = found.own[row], asked.outside[side.letter][row]
        cells[f"nearest, {side.letter}"] = side.view.ids[best] if best >= 0 else ""
        cells[f"cosine, {side.letter}"] = round(float(found.cosines[row, 0]), 4) if best >= 0 else None
        cells[f"outside, {side.letter}"] = None if np.isnan(out) else float(out)
        if not np.isnan(found.own).all():
            cells[f"own partner's place, {side.letter}"] = None if np.isnan(own) else int(own)
    return cells


def long(sides: list[Side], asked: Asked, ids: list[str]) -> list[dict[str, object]]:
    """One row a neighbour."""
    x, y = asked.direction
    return [
        {
            "study": ids[row],
            "set": side.view.name,
            "split": side.view.split,
            "from": x,
            "to": y,
            "place": place + 1,
            "neighbour": side.view.ids[item],
            "cosine": round(float(found.cosines[row, place]), 6),
        }
        for side in sides
        for found in (asked.nearest[side.letter],)
        for row, place in np.argwhere(found.rows >= 0)
        for item in (int(found.rows[row, place]),)
    ]


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
    (x, y), found = asked.direction, asked.nearest[side.letter]
    rows = found.rows[row]
    rows = rows[rows >= 0][: asked.k]
    if not len(rows):
        st.caption(f"This study has no {cards.plain(x)}.")
        return
    _how_far(float(asked.outside[side.letter][row]), x)
    if not np.isnan(found.own[row]):
        place = int(found.own[row])
        st.caption(
            f"Its own {cards.plain(y)} is number **{place:,}** among itself and these {found.gallery:,}."
        )
    _agreement(side, rows)
    for place, item in enumerate(rows):
        said = f"#{place + 1} · cosine {found.cosines[row, place]:.3f}"
        retrieval_answers.answer(choice, side.view, int(item), y, said)


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
    found = likeness.agreements(side.view.set.rows[side.view.set.labels], rows)[:AGREEING]
    if not found:
        return
    st.caption("What the nearest agree on")
    st.dataframe(
        {
            "label": [a.label for a in found],
            "most are": [a.value for a in found],
            "of them": [f"{a.count} of {a.known}" for a in found],
            "in all": [f"{a.base:.0%}" for a in found],
        },
        hide_index=True,
        width="stretch",
    )
