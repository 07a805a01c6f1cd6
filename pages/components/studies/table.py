"""A table of all uploaded studies, and downloads."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from suture.analysis.retrieval import out_of_distribution
from suture.analysis.text_tables import csv_text
from suture.data.workspace import Record
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.studies.search import UploadNeighbours
from suture.pages.components.studies.uploaded import UploadsInSet
from suture.workflows.neighbours import tables

OUTSIDE = (
    f"Distance (1 − cosine) to the {out_of_distribution.NEIGHBOURS}th nearest study of the same modality, "
    "compared with the same distance of the studies in the collection: 95 % means that 95 of a hundred of "
    "them are nearer to theirs. Of studies drawn like the collection, 5 % lie beyond 95 %. A model can also "
    "place foreign images among known ones, so a low number does not prove that a study belongs."
)
OUTSIDE_COLUMN = st.column_config.NumberColumn(format="percent", help=OUTSIDE)


def table(batch: Record, placed: list[UploadsInSet], neighbours: UploadNeighbours) -> int:
    """All studies in a table; returns the chosen row, else the first."""
    ids = neighbours.in_set[placed[0].letter].ids
    rows = [{"study": study, **_cells(placed, neighbours, row)} for row, study in enumerate(ids)]
    event = st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height=min(38 + 35 * len(rows), 320),
        on_select="rerun",
        selection_mode="single-row",
        key=f"studies_table_{batch.name}",
        column_config={f"outlier score, {s.letter}": OUTSIDE_COLUMN for s in placed},
    )
    _downloads(rows, neighbours, several=len(ids) > 1)
    chosen = event["selection"]["rows"]
    return chosen[0] if chosen and chosen[0] < len(ids) else 0


def _cells(placed: list[UploadsInSet], neighbours: UploadNeighbours, row: int) -> dict[str, object]:
    cells: dict[str, object] = {}
    for one in placed:
        nearest = neighbours.nearest(one.letter)
        best = int(nearest.rows[row, 0])
        own, out = nearest.own[row], neighbours.outside(one.letter)[row]
        cells[f"nearest, {one.letter}"] = one.view.ids[best] if best >= 0 else ""
        cells[f"cosine, {one.letter}"] = round(float(nearest.cosines[row, 0]), 4) if best >= 0 else None
        cells[f"outlier score, {one.letter}"] = None if np.isnan(out) else float(out)
        if not np.isnan(nearest.own).all():
            cells[f"rank of own partner, {one.letter}"] = None if np.isnan(own) else int(own)
    return cells


def _downloads(rows: list[dict[str, object]], neighbours: UploadNeighbours, *, several: bool) -> None:
    """Files, made on the click."""
    line = st.container(horizontal=True)
    files = (
        ("Table (CSV)", "studies.csv", "text/csv", lambda: csv_text(rows)),
        ("All neighbours (CSV)", "neighbours.csv", "text/csv", lambda: csv_text(neighbour_rows(neighbours))),
        ("All (JSON)", "neighbours.json", "application/json", lambda: as_json(neighbours)),
    )
    for label, name, kind, made in files:
        offer_download(line, label, made, name, kind, key=f"studies_{label}")
    if several:
        line.caption("Choose a row to see its study.")


def neighbour_rows(neighbours: UploadNeighbours) -> list[dict[str, object]]:
    """One row per neighbour, in every direction."""
    kept = ("study", "set", "split", "from", "to", "rank", "neighbour", "cosine", "rank_elsewhere")
    return [{name: row[name] for name in kept} for row in tables.rows(neighbours.in_set)]


def as_json(neighbours: UploadNeighbours) -> str:
    """The content of `suture neighbours --json`, without the intake."""
    return json.dumps(
        {"sets": tables.about(neighbours.in_set), "studies": tables.studies(neighbours.in_set)}, indent=1
    )
