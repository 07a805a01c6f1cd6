"""The loaded data: studies and groups, modalities with missing values, splits, labels."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from suture.data.collection import GROUP, SPLIT
from suture.pages.components.cards import cards
from suture.pages.components.retrieval import query_encoding
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View

Row = dict[str, object]


@dataclass(frozen=True)
class Loaded:
    """Counts over the whole set, whichever split is shown; tables as rows."""

    studies: int
    groups: int
    modalities: list[Row]
    splits: list[Row]
    labels: list[Row]


def sentence(choice: Choice) -> None:
    """The loaded data in one line."""
    counts, shown = _loaded_by(choice.a), choice.a
    kind = "Synthetic studies" if shown.synthetic else "Studies"
    groups = f" in {counts.groups:,} groups (patients or cases)" if counts.groups < counts.studies else ""
    parts = [f"{row['modality']} ({row['studies']:,})" for row in counts.modalities]
    st.caption(
        f"{kind} of **{cards.escape(_source(shown))}**: {counts.studies:,}{groups}, with "
        f"{cards.escape(', '.join(parts))}. Split: {cards.escape(shown.split)}, "
        f"{len(shown.set):,} studies."
    )


def card(choice: Choice) -> None:
    """The same as tables."""
    counts = _loaded_by(choice.a)
    left, middle, right = st.columns(3)
    left.dataframe(counts.modalities, hide_index=True, width="stretch")
    middle.dataframe(counts.splits, hide_index=True, width="stretch")
    if counts.labels:
        right.dataframe(
            counts.labels, hide_index=True, width="stretch", height=min(38 + 35 * len(counts.labels), 220)
        )
    else:
        right.caption("No labels. Colours and groups by label need columns besides the modalities.")


def _source(shown: View) -> str:
    return shown.collection.name if shown.collection else f"{shown.name} (vectors without images or texts)"


def _loaded_by(shown: View) -> Loaded:
    return _loaded(shown.record.fingerprint, shown.name, shown.collection.name if shown.collection else "")


@st.cache_data(show_spinner=False, max_entries=16)
def _loaded(fingerprint: str, name: str, source: str) -> Loaded:
    whole = views.view(name, "all")
    rows, n = whole.set.rows, len(whole.set)
    kinds = {m: kind for kind in ("image", "text", "tabular") for m in query_encoding.of_kind(whole, kind)}
    present = {m: int(whole.set.present(m).sum()) for m in whole.set.modalities}
    by_split = rows.groupby(SPLIT, sort=False)[GROUP].agg(["size", "nunique"])
    return Loaded(
        n,
        int(rows[GROUP].nunique()),
        [
            {"modality": m, "kind": kinds.get(m, ""), "studies": count, "missing": n - count}
            for m, count in present.items()
        ],
        [
            {"split": str(split), "studies": int(size), "groups": int(groups)}
            for split, size, groups in by_split.itertuples()
        ],
        [{"label": label, "different values": int(rows[label].nunique())} for label in whole.set.labels],
    )
