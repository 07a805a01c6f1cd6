"""The selection bar on every page: how many studies are selected and how, undo, save, load, export."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.data.collection import STUDY_ID
from suture.data.collections import selections
from suture.data.collections.selections import Selection
from suture.data.errors import UserError
from suture.data.workspace import SELECTION, Record
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer_download
from suture.pages.components.selection import state
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.workflows.selection_export import WRITERS

MAX_CHARACTERS = 90  # of the description of a selection
EMPTY = "No studies selected. Select some on the Map."
MIME = {"csv": "text/csv", "parquet": "application/octet-stream", "json": "application/json"}
DELETE = "Deletes the saved selection. The current selection stays."


def bar(choice: Choice) -> None:
    """The current selection, and what can be done with it."""
    history = state.history(choice)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    selected = bool(history.now.study_ids)
    words = row.container(width="content")
    if selected:
        words.markdown(_describe(choice))
    else:
        words.caption(EMPTY)
    for name, possible, act in (
        ("Clear", selected, state.clear),
        ("Undo", history.past, state.undo),
        ("Redo", history.future, state.redo),
    ):
        key = f"selection_{name.lower()}"
        if possible and row.button(name, key=key, type="tertiary"):
            act(choice)
            st.rerun()  # the whole page, also from a fragment: a map shows the selection too
    if selected:
        with row.popover("Save as…", type="tertiary"):
            _save(choice)
    _saved(choice, row)
    if selected:
        with row.popover("Export", type="tertiary"):
            _export(choice)


def _describe(choice: Choice) -> str:
    """How many, how, and how many of them are not in this split or set."""
    now = state.history(choice).now
    here, n = len(state.current(choice)), len(now.study_ids)
    how = now.how if len(now.how) <= MAX_CHARACTERS else now.how[: MAX_CHARACTERS - 1] + "…"
    parts = [f"**{n:,} {'study' if n == 1 else 'studies'} selected** ({cards.escape(how)})"]
    if here < n:
        whole = views.view(choice.a.name, "all").set.rows[STUDY_ID]
        gone = n - len(selections.row_numbers(now.study_ids, whole))
        if n - gone > here:
            parts.append(f"{here:,} of them in the split {cards.escape(choice.a.split)}")
        if gone:
            parts.append(f"{gone:,} not in {cards.escape(choice.a.name)}")
    return ", ".join(parts)


def _save(choice: Choice) -> None:
    with st.form("selection_save", border=False):
        name = st.text_input("Name", key="selection_name").strip()
        replace = st.checkbox("Replace an existing one", key="selection_replace")
        pressed = st.form_submit_button("Save", key="selection_keep")
    if not pressed:
        return
    try:
        selections.save(views.workspace(), _named(choice, name), replace=replace)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    st.success(f"Saved as {cards.escape(name)}.", icon=":material/check:")


def _named(choice: Choice, name: str) -> Selection:
    now, of = state.history(choice).now, selections.owner(views.workspace(), choice.a.record)
    return Selection(name, of.name, of.id, now.study_ids, now.how)


def _saved(choice: Choice, row: DeltaGenerator) -> None:
    """Saved selections of these studies: load or delete one."""
    of = selections.owner(views.workspace(), choice.a.record)
    saved = {record.name: record for record in selections.of_collection(views.workspace(), of)}
    if not saved:
        return
    with row.popover("Load saved", type="tertiary"):
        name = st.selectbox("Saved", [*saved][::-1], key="selection_saved")
        if name is None:
            return
        st.text(_about(saved[name]))
        buttons = st.container(horizontal=True)
        if buttons.button("Load", key="selection_load"):
            _load(choice, name)
        if buttons.button("Delete", key="selection_delete", type="tertiary", help=DELETE):
            _delete(name)


def _about(record: Record) -> str:
    return f"{record.meta.n:,} studies, {record.meta.how}"


def _load(choice: Choice, name: str) -> None:
    try:
        selection = selections.load(views.workspace(), name)
    except UserError as error:  # deleted in another window
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    state.set_ids(
        choice,
        selection.study_ids,
        selection.how if selection.how.startswith("saved as ") else f"saved as {name}: {selection.how}",
    )
    st.rerun()


def _delete(name: str) -> None:
    if views.workspace().has(SELECTION, name):
        views.workspace().remove(SELECTION, name)
    st.rerun()


def _export(choice: Choice) -> None:
    """The selected ids, with labels if wanted, as files; written on the click."""
    labels = st.checkbox("With labels", key="selection_labels")
    # Resolved now: the click is handled without a session.
    selection, table = _named(choice, "selection"), _labels(choice.a.name) if labels else None
    for form in WRITERS:
        offer_download(
            st.container(),
            form.upper() if form != "parquet" else "Parquet",
            partial(WRITERS[form], selection, table),
            f"selection.{form}",
            MIME[form],
            key=f"selection_{form}",
            width="stretch",
        )


def _labels(name: str) -> pd.DataFrame:
    """Ids, groups, splits and labels of every study of the set, also outside this split."""
    rows = views.view(name, "all").set.rows
    return rows[[column for column in rows if not str(column).startswith("key:")]]
