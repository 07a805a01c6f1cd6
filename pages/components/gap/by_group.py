"""Cosines of true pairs by group: by label, length of text, or patient or case."""

from __future__ import annotations

import streamlit as st

from suture.analysis import figures, gap
from suture.data.collection import GROUP
from suture.data.collections import storage
from suture.pages.components.cards import cards, downloads
from suture.pages.components.gap import group_columns
from suture.pages.components.shell import views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.widget_state import KEEP_IN_LINK


@st.fragment
def ridges(choice: Choice) -> None:
    """One ridge per value, B over A, and the same as a table."""
    columns = group_columns.columns(choice)
    if not columns:
        st.info(
            "These studies have nothing to group by: that takes a label shared by at least five of them, or "
            "texts."
        )
        return
    column = st.selectbox("By", columns, key="gap_label", **KEEP_IN_LINK)
    of = tuple((v.record.fingerprint, v.name) for v in choice.views)
    origin = storage.source_collection(views.workspace(), choice.a.record)  # holds the texts
    plot = _ridges(of, choice.a.split, choice.pair, origin.id if origin else "", column, choice)
    if not plot.rows:
        st.info(f"No value of {cards.escape(column)} is shared by five studies that have both modalities.")
        return
    figure = downloads.cached_figure(figures.ridgeline, plot, choice.labels)
    alt = f"Densities of the cosines of true pairs by {column}"
    downloads.show_figure(figure, "ridges", f"cosines by {column}-{choice.a.split}", alt=alt)
    form = {f"median {letter}": st.column_config.NumberColumn(format="%.3f") for letter in "AB"}
    st.dataframe([_row(one) for one in plot.rows], column_config=form, hide_index=True, width="stretch")
    left_out = f" {plot.left_out:,} rarer values are left out." if plot.left_out else ""
    st.caption(
        f"Sorted by the median of {'AB'[len(choice.views) - 1]}; a thick line marks each median. All "
        f"ridges share one scale. Differences are paired, with 95 % intervals over groups.{left_out}"
    )


@st.cache_data(show_spinner="Measuring each group…", max_entries=32)
def _ridges(
    of: tuple[tuple[str, str], ...],
    split: str,
    pair: tuple[str, str],
    origin: str,
    column: str,
    _choice: Choice,
) -> gap.Ridges:
    cosines, rows = group_columns.complete_pairs(_choice)
    groups = _choice.a.set.rows[GROUP].to_numpy(str)[rows]
    return gap.ridges(cosines, group_columns.values(_choice.a, column, rows), groups)


def _row(one: gap.Ridge) -> dict[str, object]:
    medians = {f"median {letter}": m for letter, m in zip("AB", one.medians, strict=False)}
    change = {} if one.difference is None else {"mean of B − A": one.difference.describe()}
    return {"studies with": one.name, **medians, **change, "studies": one.n, "groups": one.n_groups}
