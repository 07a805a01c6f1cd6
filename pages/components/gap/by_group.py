"""For whom the gap is: cosines of true pairs by label, length of text or group."""

from __future__ import annotations

import streamlit as st

from suture.analysis import figures, gap
from suture.data.collection import GROUP
from suture.data.collections import storage
from suture.pages.components.cards import cards, downloads
from suture.pages.components.compare.paired_views import LINK
from suture.pages.components.gap import group_columns
from suture.pages.components.shell import views
from suture.pages.components.shell.shell import Choice


@st.fragment
def ridges(choice: Choice) -> None:
    """A hill a value, B over A, and the same as a table."""
    columns = group_columns.columns(choice)
    if not columns:
        st.info("The studies carry nothing to slice by: a label that at least five of them share, or texts.")
        return
    column = st.selectbox("By", columns, key="gap_label", **LINK)
    of = tuple((v.record.fingerprint, v.name) for v in choice.views)
    origin = storage.origin(views.workspace(), choice.a.record)  # holds the texts
    found = _ridges(of, choice.a.split, choice.pair, origin.id if origin else "", column, choice)
    if not found.rows:
        st.info(f"No value of {cards.plain(column)} is shared by five studies that have both modalities.")
        return
    figure = downloads.drawn(figures.ridgeline, found, choice.labels)
    alt = f"Densities of the cosines of true pairs by {column}"
    downloads.figure(figure, "ridges", f"cosines by {column}-{choice.a.split}", alt=alt)
    form = {f"median {letter}": st.column_config.NumberColumn(format="%.3f") for letter in "AB"}
    st.dataframe([_row(one) for one in found.rows], column_config=form, hide_index=True, width="stretch")
    left_out = f" {found.left_out:,} rarer values are left out." if found.left_out else ""
    st.caption(
        f"Sorted by the median of {'AB'[len(choice.views) - 1]}; a thick line stands at each median. All "
        f"hills have one scale. Differences are paired, with 95 % intervals over groups.{left_out}"
    )


@st.cache_data(show_spinner="Looking at each value…", max_entries=32)
def _ridges(
    of: tuple[tuple[str, str], ...],
    split: str,
    pair: tuple[str, str],
    origin: str,
    column: str,
    _choice: Choice,
) -> gap.Ridges:
    cosines, rows = group_columns.both(_choice)
    groups = _choice.a.set.rows[GROUP].to_numpy(str)[rows]
    return gap.ridges(cosines, group_columns.values(_choice.a, column, rows), groups)


def _row(one: gap.Ridge) -> dict[str, object]:
    medians = {f"median {letter}": m for letter, m in zip("AB", one.medians, strict=False)}
    change = {} if one.difference is None else {"mean of B − A": one.difference.describe()}
    return {"studies with": one.name, **medians, **change, "studies": one.n, "groups": one.n_groups}
