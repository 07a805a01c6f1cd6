"""One study out of many: found by its id or by words of its texts, a few offers at a time."""

from __future__ import annotations

import streamlit as st

from data import store
from pages.components import cards, views
from pages.components.views import View

OFFERED = 50


def pick(shown: View) -> int:
    """The row of the study that is looked at. The link says which; typing and choosing change the link."""
    ids, state = shown.ids, st.session_state
    wanted = st.query_params.get("study") or state.get("kept_study") or ids[0]
    row = ids.index(wanted) if wanted in ids else 0
    if ids[row] != wanted:
        st.caption(f"{cards.plain(wanted)} is not in this split. The first study is shown instead.")
    typed, choices = st.columns(2)
    words = typed.text_input(
        "Find a study",
        placeholder="an id, or words of its texts",
        key="study_find",
        type="search",
        live=True,
        icon=":material/search:",
        on_change=_found,
        args=(shown,),
    )
    rows = matches(shown, str(words))
    offers = rows[:OFFERED] if row in rows[:OFFERED] else [row, *rows[: OFFERED - 1]]
    state["query_study"] = ids[row]
    choices.selectbox("Study", [ids[i] for i in offers], key="query_study", on_change=_chosen)
    if words:
        typed.caption(_told(len(rows)))
    state["kept_study"] = st.query_params["study"] = ids[row]
    return row


def matches(shown: View, words: str) -> list[int]:
    """Rows whose id or texts hold every word, those with it in the id first; all rows for no words."""
    asked = words.lower().split()
    if not asked:
        return list(range(len(shown.ids)))
    origin = store.origin(views.workspace(), shown.record)  # another collection may take its name
    source = origin.id if origin and shown.collection else ""
    texts = _texts(shown.record.fingerprint, shown.name, shown.split, source)
    found = [i for i, text in enumerate(texts) if all(word in text for word in asked)]
    return sorted(found, key=lambda i: words.lower().strip() not in texts[i].partition("\n")[0])


def _told(count: int) -> str:
    if not count:
        return "No study has all of these words in its id or texts."
    first = f"; the first {OFFERED} are offered. Type more to narrow it" if count > OFFERED else ""
    return f"{count:,} {'study matches' if count == 1 else 'studies match'}{first}."


def _found(shown: View) -> None:
    """The first match is the study that is shown next."""
    words = str(st.session_state["study_find"])
    rows = matches(shown, words) if words.strip() else []
    if rows:
        st.query_params["study"] = shown.ids[rows[0]]


def _chosen() -> None:
    st.query_params["study"] = st.session_state["query_study"]


@st.cache_resource(show_spinner=False, max_entries=8)
def _texts(fingerprint: str, name: str, split: str, source: str) -> list[str]:
    """Id and texts of every study in lower case, the id on the first line."""
    shown = views.view(name, split)
    columns = [shown.ids]
    if shown.collection is not None:
        texts = [m.columns[0] for m in shown.collection.modalities if m.kind == "text"]
        columns += [shown.collection.table[t].to_numpy()[shown.studies].tolist() for t in texts]
    return ["\n".join(parts).lower() for parts in zip(*columns, strict=True)]
