"""Find studies: by words, id, a condition on columns, or an example; then replace, add, narrow or remove."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.data import query
from suture.data.collection import STUDY_ID
from suture.data.errors import UserError
from suture.pages.components.cards import cards
from suture.pages.components.retrieval import query_encoding
from suture.pages.components.retrieval.answers import nearest_items
from suture.pages.components.selection import state
from suture.pages.components.selection.state import Current
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

WORDS, ID, QUERY, TEXT, IMAGE = MODES = "Words", "Id", "Query", "Example text", "Example image"
REPLACE, ADD, NARROW, REMOVE = COMBINE = "Replace", "Add", "Keep only", "Remove"
THEN = (
    "Replace: select the matches instead. Add: select the matches too. Keep only: keep selected studies that "
    "match. Remove: deselect the matches."
)
SEARCHED, OUTCOME = "find_asked", "find_said"
PLACEHOLDERS = {
    WORDS: 'effusion "left lung" -fracture',
    ID: "an id, a part of one, or several",
    QUERY: 'finding == "effusion" and age > 60',
    TEXT: "large right pleural effusion",
}
HELP = {
    WORDS: 'All words must occur, in any order. "Quotes" keep words together, a minus leaves studies out.',
    ID: "Whole ids, separated by spaces, commas or lines; otherwise every id that contains the text.",
    TEXT: "The checkpoint of A embeds the text; the nearest studies are selected.",
}
NOTHING = {
    WORDS: "Try fewer words, or a part of a word.",
    ID: "Check the spelling; try a part of an id, or another split.",
    QUERY: 'Check the spelling of values (== is case-sensitive), or try contains, or another split.',
}  # fmt: skip
NEAREST = (10, 200)


def find(choice: Choice) -> None:
    """The search box. The matches become the selection; a link restores words, ids and queries."""
    ways, box = st.columns([2.1, 1.9], vertical_alignment="bottom", gap="small")
    by = (
        ways.segmented_control("Find by", MODES, default=WORDS, required=True, key="find_by", **KEEP_IN_LINK)
        or WORDS
    )
    selected = bool(state.history(choice).now.study_ids)
    with box.form("find_form", border=False):
        widths = [2.1, 1.6, 1.05] if selected else [3, 1.05]
        field, *middle, last = st.columns(widths, vertical_alignment="bottom")
        text, content = _content(choice, by, field)
        example = _example(choice) if by in (TEXT, IMAGE) else None
        combine = middle[0].selectbox("Then", COMBINE, key="find_then", help=THEN) if middle else REPLACE
        pressed = last.form_submit_button("Find", width="stretch", key="find_go")
    linked = (
        bool(text) and SEARCHED not in st.session_state
    )  # a link was opened, and nothing was searched yet
    if pressed or linked:
        st.session_state[SEARCHED] = text
        _search(choice, by, text or content, example, combine if pressed else REPLACE)
    _say_outcome(choice)


def _content(choice: Choice, by: str, field: DeltaGenerator) -> tuple[str, bytes]:
    """What to search for: text, or the bytes of an image."""
    if by == IMAGE:
        upload = field.file_uploader(
            "A picture (PNG, JPEG, TIFF or DICOM)",
            key="find_image",
            max_upload_size=query_encoding.MAX_UPLOAD,
        )
        return "", upload.getvalue() if upload else b""
    hint = _columns(choice.a) if by == QUERY else HELP[by]
    # One field for all modes: the link holds one text.
    return field.text_input(
        "Find", placeholder=PLACEHOLDERS[by], help=hint, key="find", **KEEP_IN_LINK
    ).strip(), b""


def _columns(shown: View) -> str:
    names = ", ".join(f"`{name}`" for name in map(str, studies(shown)) if "`" not in name)
    return (
        "A condition on columns: == != < <= > >=, in (…), contains, joined by and, or, not. Text in quotes, "
        f'missing is "". A column whose name has spaces in backticks.\n\nColumns: {names}'
    )


def _example(choice: Choice) -> tuple[str, int]:
    """(modality to compare with, number of nearest studies)."""
    left, right = st.columns(2)
    modality = left.selectbox("Neighbours by", choice.a.set.modalities, key="find_modality")
    return modality, right.slider("Number of studies", *NEAREST, 50, step=10, key="find_count")


def _search(
    choice: Choice, by: str, query_or_image: str | bytes, example: tuple[str, int] | None, combine: str
) -> None:
    """Search, and rerun the page with the matches; errors show below the search box."""
    st.session_state.pop(OUTCOME, None)
    if not query_or_image:
        st.info(
            "Choose an image first." if by == IMAGE else "Type what to search for.",
            icon=":material/keyboard:",
        )
        return
    try:
        rows = (
            _nearest(choice, by, query_or_image, *example)
            if example
            else _matching(choice.a, by, str(query_or_image))
        )
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    if rows is not None:
        how = f"{by.lower()}: {query_or_image}" if isinstance(query_or_image, str) else by.lower()
        _select(choice, by, rows, how, combine)


def _matching(shown: View, by: str, text: str) -> np.ndarray:
    """Rows that match words, ids or a query."""
    if by == WORDS:
        return np.flatnonzero(query.contains_words(texts(shown), text))
    if by == QUERY:
        return np.flatnonzero(query.rows_matching(studies(shown), text))
    ids = shown.set.rows[STUDY_ID].astype("str")
    exact = ids.isin([text, *re.split(r"[\s,;]+", text)])
    return np.flatnonzero(exact if exact.any() else ids.str.lower().str.contains(text.lower(), regex=False))


def _nearest(
    choice: Choice, by: str, query_or_image: str | bytes, modality: str, count: int
) -> np.ndarray | None:
    """The nearest studies to an example, best first; None if it cannot be embedded (the page says why)."""
    vector = query_encoding.encoded(
        choice.a, "text" if by == TEXT else "image", query_or_image, pair=choice.pair
    )
    if vector is None:
        return None
    return nearest_items(choice.a, modality, vector, k=count).rows


def _select(choice: Choice, by: str, rows: np.ndarray, how: str, combine: str) -> None:
    """Make the matches the selection, or combine them with it; then rerun the page."""
    found, now = choice.a.set.rows[STUDY_ID].iloc[rows].tolist(), state.history(choice).now
    st.session_state[OUTCOME] = (None, f"No studies found. {NOTHING.get(by, '')}")
    if found:
        new = combined(now, found, how, combine)
        state.set_ids(choice, new.study_ids, new.how)
        message = f"{len(found):,} {'study' if len(found) == 1 else 'studies'} found"
        if combine != REPLACE:
            message += f", {len(new.study_ids):,} selected"
        st.session_state[OUTCOME] = (state.history(choice).now, f"{message}.")
    st.rerun()


def combined(now: Current, found: Sequence[str], how: str, combine: str) -> Current:
    """The selection after combining it with these matches."""
    if combine == REPLACE:
        return Current(tuple(found), how)
    if combine == ADD:
        return Current(
            tuple(dict.fromkeys((*now.study_ids, *found))), f"{now.how} or {how}" if now.how else how
        )
    matches, keep = set(found), combine == NARROW
    remaining = tuple(study for study in now.study_ids if (study in matches) == keep)
    return Current(remaining, f"{now.how}, {'within' if keep else 'without'} {how}")


def _say_outcome(choice: Choice) -> None:
    """The outcome of the last search, while the selection is still the one it made."""
    selected, message = st.session_state.get(OUTCOME, (None, ""))
    if not message:
        return
    if selected is None:
        st.session_state.pop(OUTCOME)
        st.info(message, icon=":material/search_off:")
    elif selected == state.history(choice).now:
        st.caption(message)


def studies(shown: View) -> pd.DataFrame:
    """Ids, texts and labels of the studies of a view, one row each; no images."""
    if shown.collection is None or shown.studies is None:
        keys = [column for column in shown.set.rows if str(column).startswith("key:")]
        return shown.set.rows.drop(columns=keys)
    images = [m.columns[0] for m in shown.collection.modalities if m.kind == "image"]
    return shown.collection.table.iloc[shown.studies].drop(columns=images).reset_index(drop=True)


def texts(shown: View) -> pd.Series:
    """Texts of each study in lower case, made once; labels where there are no texts."""
    source = str(shown.record.meta.collection_id) + (shown.collection.name if shown.collection else "")
    return _texts(shown.record.fingerprint, shown.name, shown.split, source, _shown=shown)


@st.cache_resource(show_spinner=False, max_entries=4)
def _texts(fingerprint: str, name: str, split: str, source: str, *, _shown: View) -> pd.Series:
    text_modalities = [
        m for m in (_shown.collection.modalities if _shown.collection else ()) if m.kind == "text"
    ]
    return query.lowercase_texts(
        studies(_shown), [m.columns[0] for m in text_modalities] or _shown.set.labels
    )
