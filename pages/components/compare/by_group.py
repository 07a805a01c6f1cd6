"""The paired difference by group: by label, length of text, or any other column."""

from __future__ import annotations

import streamlit as st

from suture.analysis import figures
from suture.analysis.compare import Slice
from suture.pages.components.cards import downloads
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

MEASURES = {"Cosine of true pairs": "slices", "Found among the first 10": "hits"}


@st.fragment
def differences(paired: PairedViews) -> None:
    """The paired difference by label, length of text, or any other column."""
    left, right = st.columns(2)
    columns = [*paired.compared.slices]
    if not columns:
        st.info(
            "These studies have no column to group by: it needs at most twelve values, numbers, or texts."
        )
        return
    column = left.selectbox("By", columns, key="slices_by", **KEEP_IN_LINK)
    measure = right.segmented_control(
        "Measure", [*MEASURES], default=next(iter(MEASURES)), required=True, key="slices_of", **KEEP_IN_LINK
    )
    measure = measure or next(iter(MEASURES))
    slices = getattr(paired.compared, MEASURES[measure])[column]
    figure = downloads.cached_figure(
        figures.slice_differences, slices, f"B − A, {measure.lower()}, 95 % interval"
    )
    alt = f"Paired differences by {column}, with intervals"
    downloads.show_figure(figure, "slices_figure", f"{measure} by {column}-{paired.a.split}", alt=alt)
    percent = MEASURES[measure] == "hits"
    st.dataframe([slice_row(one, percent) for one in slices], hide_index=True, width="stretch")
    st.caption(
        "Paired differences with intervals over groups (patients or cases); p after Holm over the values of "
        "this column. A value held by fewer than five groups gets no verdict."
    )


def slice_row(one: Slice, percent: bool) -> dict[str, object]:
    """A slice as people read it."""
    form = ".1%" if percent else ".3f"
    change = f"{one.difference:+{form}}"
    if one.low is not None and one.high is not None:
        change += f" ({one.low:+{form}} to {one.high:+{form}})"
    return {
        "studies with": one.name,
        "A": f"{one.a:{form}}",
        "B": f"{one.b:{form}}",
        "B − A": change,
        "p": one.p_holm,
        "verdict": one.verdict,
        "studies": one.n,
        "groups": one.n_groups,
    }
