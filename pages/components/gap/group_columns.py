"""Columns by which the Gap page sorts and groups studies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from suture.analysis.compare import by_length, by_value
from suture.analysis.gap.ridges import MIN_STUDIES
from suture.data.collection import GROUP
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View

LENGTH = "length of "


def complete_pairs(choice: Choice) -> tuple[list[np.ndarray], np.ndarray]:
    """(cosines of A and of B, (n,) each; the n rows that have both modalities in all sets)."""
    every = [views.pair_cosines(v, choice.pair) for v in choice.views]
    rows = np.flatnonzero(np.isfinite(every).all(axis=0))
    return [one[rows] for one in every], rows


def columns(choice: Choice) -> list[str]:
    """Labels of at least two values that studies share, the length of every text, then the group."""
    texts = [] if choice.a.collection is None else choice.a.collection.modalities
    lengths = [LENGTH + m.name for m in texts if m.kind == "text"]
    labels = _groupable(choice.a.record.id, choice.a.name, choice.a.split)
    shared = [c for c in labels if c == GROUP or all(c in v.set.labels for v in choice.views)]
    return [*(c for c in shared if c != GROUP), *lengths, *(c for c in shared if c == GROUP)]


@st.cache_data(show_spinner=False, max_entries=64)
def _groupable(record_id: str, name: str, split: str) -> list[str]:
    """The columns, of the labels and the group, by which a split can be grouped."""
    first = views.view(name, split).set
    return [column for column in [*first.labels, GROUP] if _shared(first.rows[column])]


def _shared(values: pd.Series) -> bool:
    words = values.astype(str)
    counts = words[words != ""].value_counts()
    return len(counts) > 1 and (counts.iloc[1] >= MIN_STUDIES or values.dtype.kind in "if")


def values(shown: View, column: str, rows: np.ndarray) -> np.ndarray:
    """(n,) of str: terciles of a text's length, quartiles of many numbers, else the values; "" = missing."""
    if column.startswith(LENGTH) and shown.collection is not None and shown.studies is not None:
        texts = shown.collection.table[column.removeprefix(LENGTH)]
        return by_length(texts.iloc[shown.studies[rows]].fillna("").tolist())
    cells = shown.set.rows[column].iloc[rows]
    try:
        return by_value(cells.tolist())
    except ValueError:  # many names: the most frequent are shown
        return cells.fillna("").astype(str).to_numpy(str)
