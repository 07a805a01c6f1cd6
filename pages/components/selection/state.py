"""The selected studies, shared by all pages; kept as ids, so that they hold in any set or split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from suture.data.collection import STUDY_ID
from suture.data.collections import selections
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice

KEY, PLACES = "selection", "selection_places"
STEPS = 20  # that can be undone
MAX_IDS = 1_000_000  # that the undo history may hold in total
MAX_CHARACTERS = 300  # of the description of a selection


@dataclass(frozen=True)
class Current:
    """The selected studies in the order in which they were found, and a description of how."""

    study_ids: tuple[str, ...] = ()
    how: str = ""


@dataclass(frozen=True)
class History:
    """What is selected now, what was before (the latest last), and what was undone (the next one first)."""

    now: Current = Current()
    past: tuple[Current, ...] = ()
    future: tuple[Current, ...] = ()


def history(choice: Choice) -> History:
    """The history of the shown collection; vectors without a collection have their own."""
    return st.session_state.get(KEY, {}).get(_owner(choice), History())


def current(choice: Choice) -> np.ndarray:
    """Rows of `choice.a` of the selected studies, in the order of the view."""
    now, shown = history(choice).now, (choice.a.record.fingerprint, choice.a.name, choice.a.split)
    if not now.study_ids:
        return np.zeros(0, int)
    cached_for, cached_view, rows = st.session_state.get(PLACES, (None, None, None))
    if cached_for is not now or cached_view != shown:  # looked up once per run of a page
        rows = selections.row_numbers(now.study_ids, choice.a.set.rows[STUDY_ID])
        st.session_state[PLACES] = now, shown, rows
    return rows


def set_rows(choice: Choice, rows: Iterable[int] | np.ndarray, how: str) -> bool:
    """Select these rows of `choice.a` instead of the current ones. how: a description for the user.

    False, and nothing happens, if exactly these are selected: a map may echo the selection it was given.
    """
    ids = choice.a.set.rows[STUDY_ID]
    rows = [int(row) for row in rows if 0 <= row < len(ids)]  # a browser may still show another split
    if set(rows) == set(current(choice).tolist()):
        return False
    set_ids(choice, ids.iloc[rows].tolist(), how)
    return True


def set_ids(choice: Choice, study_ids: Iterable[str], how: str) -> None:
    """The same by id, also of studies outside this split."""
    old, ids = history(choice), tuple(dict.fromkeys(study_ids))
    if ids == old.now.study_ids:
        return
    new = Current(ids, how[:MAX_CHARACTERS] if ids else "")
    _keep(choice, History(new, _limited((*old.past, old.now)[-STEPS:])))


def _limited(past: tuple[Current, ...]) -> tuple[Current, ...]:
    """The latest steps, as many as hold at most `MAX_IDS` ids in total."""
    totals = np.cumsum([len(one.study_ids) for one in past[::-1]])
    return past[len(past) - int((totals <= MAX_IDS).sum()) :]


def clear(choice: Choice) -> None:
    """Select nothing."""
    set_ids(choice, (), "")


def undo(choice: Choice) -> None:
    """Restore the previous selection; nothing happens without one."""
    old = history(choice)
    if old.past:
        _keep(choice, History(old.past[-1], old.past[:-1], (old.now, *old.future)))


def redo(choice: Choice) -> None:
    """Take back an undo."""
    old = history(choice)
    if old.future:
        _keep(choice, History(old.future[0], (*old.past, old.now), old.future[1:]))


def _keep(choice: Choice, new: History) -> None:
    st.session_state[KEY] = {**st.session_state.get(KEY, {}), _owner(choice): new}


def _owner(choice: Choice) -> str:
    return selections.owner(views.workspace(), choice.a.record).id
