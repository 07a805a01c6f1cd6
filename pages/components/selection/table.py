"""The selected studies as a table: the rows that the map shows as points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from suture.data.collection import STUDY_ID
from suture.pages.components.selection import state
from suture.pages.components.selection.find import studies
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice

MAX_ROWS = 2_000
EXCERPT = 120  # characters of a text


def table(choice: Choice) -> int | None:
    """Show the selected studies; returns the row of `choice.a` that is chosen in the table, or None."""
    rows = in_order(choice)
    if not len(rows):
        return None
    shown = rows[:MAX_ROWS]
    event = st.dataframe(
        frame(choice, shown),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="selection_table",
        height=min(36 * len(shown) + 38, 290),
        width="stretch",
        column_config={
            letter: st.column_config.NumberColumn(f"cosine in {letter}", format="%.3f") for letter in "AB"
        },
    )
    if len(rows) > MAX_ROWS:
        st.caption(f"Showing the first {MAX_ROWS:,} of {len(rows):,}. Export contains all.")
    chosen = [place for place in event["selection"]["rows"] if place < len(shown)]
    return int(shown[chosen[0]]) if chosen else None


def in_order(choice: Choice) -> np.ndarray:
    """Rows of the selected studies in the order in which they were found, for example nearest first."""
    place = {study: i for i, study in enumerate(state.history(choice).now.study_ids)}
    rows = state.current(choice)
    ids = choice.a.set.rows[STUDY_ID].iloc[rows]
    return rows[np.argsort([place[study] for study in ids], kind="stable").astype(int)]


def frame(choice: Choice, rows: np.ndarray) -> pd.DataFrame:
    """Ids, cosines of the pair in A and in B, the start of the first text, labels."""
    shown, selected = choice.a, choice.a.set.rows.iloc[rows]
    columns: dict[str, object] = {"study": selected["study_id"].to_numpy()}
    for letter, view in zip("AB", choice.views, strict=False):
        columns[letter] = views.pair_cosines(view, choice.pair)[rows]
    modalities = shown.collection.modalities if shown.collection else ()
    text = next((m for m in modalities if m.kind == "text"), None)
    if text is not None:
        columns["text"] = studies(shown)[text.columns[0]].iloc[rows].str.slice(0, EXCERPT).to_numpy()
    labels = {label: selected[label].to_numpy() for label in shown.set.labels if label not in columns}
    return pd.DataFrame({**columns, **labels})
