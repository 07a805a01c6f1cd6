"""All visiting studies at a glance, and what can be taken away."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from suture.analysis.retrieval import out_of_distribution
from suture.analysis.text_tables import csv_text
from suture.data.workspace import Record
from suture.pages.components.cards.downloads import offer
from suture.pages.components.studies.ask import Asked
from suture.pages.components.studies.visit import Side
from suture.workflows.neighbours import tables

OUTSIDE = (
    f"Distance (1 − cosine) to the {out_of_distribution.NEIGHBOURS}th nearest study of the same modality, "
    "held against the same distance of the collection's own studies: 95 % means that 95 of a hundred of them "
    "are nearer to theirs. Of studies like these, 5 % lie beyond 95 %. A model can also put strange pictures "
    "among "
    "to theirs. Of studies like these, 5 % lie beyond 95 %. A model can also put strange pictures among "
    "known ones, so a low number is no proof that a study belongs."
)
OUTSIDE_COLUMN = st.column_config.NumberColumn(format="percent", help=OUTSIDE)


def table(visit: Record, sides: list[Side], asked: Asked) -> int:
    """All studies in a table; the row that was chosen, else the first."""
    ids = asked.held[sides[0].letter].ids
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
    _take_away(rows, asked, several=len(ids) > 1)
    chosen = event["selection"]["rows"]
    return chosen[0] if chosen and chosen[0] < len(ids) else 0


def _cells(sides: list[Side], asked: Asked, row: int) -> dict[str, object]:
    cells: dict[str, object] = {}
    for side in sides:
        found = asked.nearest(side.letter)
        best = int(found.rows[row, 0])
        own, out = found.own[row], asked.outside(side.letter)[row]
        cells[f"nearest, {side.letter}"] = side.view.ids[best] if best >= 0 else ""
        cells[f"cosine, {side.letter}"] = round(float(found.cosines[row, 0]), 4) if best >= 0 else None
        cells[f"outside, {side.letter}"] = None if np.isnan(out) else float(out)
        if not np.isnan(found.own).all():
            cells[f"own partner's place, {side.letter}"] = None if np.isnan(own) else int(own)
    return cells


def _take_away(rows: list[dict[str, object]], asked: Asked, *, several: bool) -> None:
    """Files, made when they are asked for."""
    line = st.container(horizontal=True)
    files = (
        ("Table (CSV)", "studies.csv", "text/csv", lambda: csv_text(rows)),
        ("All neighbours (CSV)", "neighbours.csv", "text/csv", lambda: csv_text(neighbours(asked))),
        ("All (JSON)", "neighbours.json", "application/json", lambda: content(asked)),
    )
    for label, name, kind, made in files:
        offer(line, label, made, name, kind, key=f"studies_{label}")
    if several:
        line.caption("Choose a row to look at its study.")


def neighbours(asked: Asked) -> list[dict[str, object]]:
    """One row a neighbour, in every direction."""
    kept = ("study", "set", "split", "from", "to", "rank", "neighbour", "cosine", "rank_elsewhere")
    return [{name: row[name] for name in kept} for row in tables.rows(asked.held)]


def content(asked: Asked) -> str:
    """What the shell's `neighbours --json` tells, less the intake."""
    return json.dumps({"sets": tables.about(asked.held), "studies": tables.studies(asked.held)}, indent=1)
