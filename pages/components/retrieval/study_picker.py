"""Pick one study by its id or by words of its texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from suture.data.collection import STUDY_ID
from suture.data.collections import storage
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.pages.components.shell.views import View

MAX_OFFERED = 50


def pick(shown: View) -> int:
    """The row of the chosen study. The link names it; typing and choosing change the link."""
    ids, state = shown.ids, st.session_state
    wanted = st.query_params.get("study") or state.get("kept_study") or ids[0]
    row = views.row_of(shown, wanted) or 0
    if ids[row] != wanted:
        st.caption(f"{cards.escape(wanted)} is not in this split. The first study is shown instead.")
    typed, choices = st.columns(2)
    words = typed.text_input(
        "Find a study",
        placeholder="an id, or words of its texts",
        key="study_find",
        type="search",
        live=True,
        icon=":material/search:",
        on_change=_show_first_match,
        args=(shown,),
    )
    rows = matches(shown, str(words))
    offers = rows[:MAX_OFFERED] if row in rows[:MAX_OFFERED] else [row, *rows[: MAX_OFFERED - 1]]
    state["query_study"] = ids[row]
    choices.selectbox("Study", [ids[i] for i in offers], key="query_study", on_change=_put_into_link)
    if words:
        typed.caption(_match_count(len(rows)))
    state["kept_study"] = st.query_params["study"] = ids[row]
    return row


def matches(shown: View, words: str) -> Sequence[int]:
    """Rows whose id or texts contain every word, matches in the id first; all rows for no words."""
    terms = words.lower().split()
    if not terms:
        return range(len(shown.ids))
    origin = storage.source_collection(views.workspace(), shown.record)
    source = origin.id if origin and shown.collection else ""
    ids, texts = _texts(shown.record.fingerprint, shown.name, shown.split, source)
    matching = np.logical_and.reduce([texts.str.contains(term, regex=False).to_numpy(bool) for term in terms])
    in_id = ids.str.contains(words.lower().strip(), regex=False).to_numpy(bool)
    return [*np.flatnonzero(matching & in_id).tolist(), *np.flatnonzero(matching & ~in_id).tolist()]


def _match_count(count: int) -> str:
    if not count:
        return "No study has all of these words in its id or texts."
    first = f"; the list shows the first {MAX_OFFERED}. Type more to narrow it" if count > MAX_OFFERED else ""
    return f"{count:,} {'study matches' if count == 1 else 'studies match'}{first}."


def _show_first_match(shown: View) -> None:
    """The first match is the study that is shown next."""
    words = str(st.session_state["study_find"])
    rows = matches(shown, words) if words.strip() else []
    if rows:
        st.query_params["study"] = shown.ids[rows[0]]


def _put_into_link() -> None:
    st.query_params["study"] = st.session_state["query_study"]


@st.cache_resource(show_spinner=False, max_entries=8)
def _texts(fingerprint: str, name: str, split: str, source: str) -> tuple[pd.Series, pd.Series]:
    """Every study's id, and its id with its texts, in lower case."""
    shown = views.view(name, split)
    ids = shown.set.rows[STUDY_ID].astype("str").str.lower()
    if shown.collection is None or shown.studies is None:
        return ids, ids
    names = [m.columns[0] for m in shown.collection.modalities if m.kind == "text"]
    texts = shown.collection.table[names].iloc[shown.studies].reset_index(drop=True)
    return ids, ids.str.cat([texts[name].astype("str").str.lower() for name in names], sep="\n", na_rep="")
