"""The selected studies, shared by all pages: ids, so that they stay what they are in another set or split."""

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
MANY = 1_000_000  # ids that the steps before may hold together
LONGEST = 300  # characters of how a selection was made


@dataclass(frozen=True)
class Current:
    """The selected studies in the order in which they were found, and how, in plain words."""

    study_ids: tuple[str, ...] = ()
    how: str = ""


@dataclass(frozen=True)
class History:
    """What is selected now, what was before (the latest last), and what was undone (the next one first)."""

    now: Current = Current()
    past: tuple[Current, ...] = ()
    future: tuple[Current, ...] = ()


def history(choice: Choice) -> History:
    """Of the collection that is looked at; vectors without one have their own."""
    return st.session_state.get(KEY, {}).get(_owner(choice), History())


def current(choice: Choice) -> np.ndarray:
    """Rows of `choice.a` of the selected studies, in the order of the view."""
    now, shown = history(choice).now, (choice.a.record.fingerprint, choice.a.name, choice.a.split)
    if not now.study_ids:
        return np.zeros(0, int)
    of, where, rows = st.session_state.get(PLACES, (None, None, None))
    if of is not now or where != shown:  # of a page that asks several times, the first looks them up
        rows = selections.row_numbers(now.study_ids, choice.a.set.rows[STUDY_ID])
        st.session_state[PLACES] = now, shown, rows
    return rows


def set_rows(choice: Choice, rows: Iterable[int] | np.ndarray, how: str) -> bool:
    """Select these rows of `choice.a`, instead of what was. how: in plain words, for a person to read.

    False, and nothing happens, where just these are selected: a map that is told of a selection may echo it.
    """
    ids = choice.a.set.rows[STUDY_ID]
    rows = [int(row) for row in rows if 0 <= row < len(ids)]  # a browser may still look at another split
    if set(rows) == set(current(choice).tolist()):
        return False
    set_ids(choice, ids.iloc[rows].tolist(), how)
    return True


def set_ids(choice: Choice, study_ids: Iterable[str], how: str) -> None:
    """The same by id, also of studies outside this split."""
    old, ids = history(choice), tuple(dict.fromkeys(study_ids))
    if ids == old.now.study_ids:
        return
    new = Current(ids, how[:LONGEST] if ids else "")
    _keep(choice, History(new, _remembered((*old.past, old.now)[-STEPS:])))


def _remembered(past: tuple[Current, ...]) -> tuple[Current, ...]:
    """The latest of the past, as many as hold no more than `MANY` ids together."""
    held = np.cumsum([len(one.study_ids) for one in past[::-1]])
    return past[len(past) - int((held <= MANY).sum()) :]


def clear(choice: Choice) -> None:
    """Select nothing."""
    set_ids(choice, (), "")


def undo(choice: Choice) -> None:
    """Back to what was selected before; nothing happens where there is no before."""
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
