"""Export selections as files: study ids with the columns of a table."""

from __future__ import annotations

import io
import json

import pandas as pd

from suture.analysis.text_tables import csv_text
from suture.data.collection import STUDY_ID
from suture.data.collections.selections import Selection
from suture.data.tables.reading import strings


def rows_of(selection: Selection, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per study, in the order of the selection, with the columns of a table that has `study_id`.

    Cells are text; "" if the value is missing or the study is not in the table.
    """
    ids = pd.DataFrame({STUDY_ID: list(selection.study_ids)}, dtype="str")
    if table is None:
        return ids
    known = table.drop_duplicates(STUDY_ID).set_index(STUDY_ID)
    return strings(known.reindex(ids[STUDY_ID]).reset_index(names=STUDY_ID))


def as_csv(selection: Selection, table: pd.DataFrame | None = None) -> bytes:
    """UTF-8 CSV; cells are escaped so that a spreadsheet reads none as a formula."""
    return csv_text(rows_of(selection, table).to_dict("records")).encode()


def as_parquet(selection: Selection, table: pd.DataFrame | None = None) -> bytes:
    """A table of text columns; how the studies were selected is in the pandas metadata."""
    rows = rows_of(selection, table)
    rows.attrs = _about(selection)
    buffer = io.BytesIO()
    rows.to_parquet(buffer)
    return buffer.getvalue()


def as_json(selection: Selection, table: pd.DataFrame | None = None) -> bytes:
    """Name, source and how the studies were selected, then the studies."""
    record = {**_about(selection), "studies": rows_of(selection, table).to_dict("records")}
    return json.dumps(record, ensure_ascii=False, indent=1).encode()


WRITERS = {"csv": as_csv, "parquet": as_parquet, "json": as_json}


def _about(selection: Selection) -> dict[str, object]:
    return {"name": selection.name, "of": selection.of, "how": selection.how, "n": len(selection)}
