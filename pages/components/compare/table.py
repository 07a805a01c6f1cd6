"""The metrics of A and B side by side, with paired differences; downloads as CSV, JSON and LaTeX."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from suture.analysis import figures
from suture.analysis.catalogue import CATALOGUE, PROTOCOL_MEANING
from suture.analysis.compare import MetricChange
from suture.analysis.compare.cells import headline_rows, number_cells, text_cells
from suture.analysis.text_tables import csv_text, latex
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import cached_figure, offer_download, show_figure
from suture.pages.components.compare.paired_views import PairedViews
from suture.pages.components.shell.widget_state import KEEP_IN_LINK

WORD_COLOURS = {
    "closed": "green",
    "narrowed": "green",
    "better": "green",
    "worse": "red",
    "changed": "violet",
}


def verdict(paired: PairedViews) -> None:
    """The verdict in one sentence, then the reasons."""
    result = paired.compared.verdict
    st.markdown(f"#### {cards.escape(result.headline)}")
    st.markdown("\n".join(f"- {cards.escape(reason)}" for reason in result.reasons))
    sides = zip("AB", cards.COLOUR_NAMES, paired.views, strict=True)
    st.markdown(" ".join(f":{word}-badge[{letter}] {cards.escape(v.name)}" for letter, word, v in sides))


def section(paired: PairedViews) -> None:
    """The headline metrics; all metrics in an expander; downloads of all."""
    protocols = {p.replace("_", "-"): p for p in PROTOCOL_MEANING}
    chosen = st.segmented_control(
        "What counts as a right answer",
        [*protocols],
        default="multi-positive",
        required=True,
        key="compare_protocol",
        help=" ".join(f"{p}: {PROTOCOL_MEANING[of]}." for p, of in protocols.items()),
        **KEEP_IN_LINK,
    )
    rows = headline_rows(
        paired.compared.table.rows, paired.pair, protocol=protocols[chosen or "multi-positive"]
    )
    if not rows:
        st.info("None of the headline metrics is defined for both sets.")
        return
    st.table([_marked(row) for row in rows], hide_index=True, border="horizontal")
    st.caption(
        "B − A is paired: both sets hold the same studies, so read its interval, not whether those of A and "
        "B overlap. The verdict follows from that interval alone; p is stricter: two-sided, after Holm over "
        "all headline metrics (repeated texts count as right)."
    )
    alt = (
        "Paired differences of the headline metrics, with intervals, in units of the smallest relevant change"
    )
    show_figure(
        cached_figure(figures.forest_plot, rows), "compare_forest", f"differences-{paired.a.split}", alt=alt
    )
    st.caption(
        "Every difference with its interval, in units of the smallest relevant change of its metric: inside "
        "the grey band the change is too small to matter."
    )
    _all(paired)
    downloads(paired, rows)


@st.fragment
def _all(paired: PairedViews) -> None:
    rows = paired.compared.table.rows
    with st.expander(f"All {len(rows):,} metrics", key="compare_all", on_change="rerun") as opened:
        if opened.open:
            st.dataframe([number_cells(row) for row in rows], hide_index=True, width="stretch")


def _marked(row: MetricChange) -> dict[str, str]:
    """A row whose verdict is a coloured word; names from data are escaped."""
    shown = {column: cards.escape(cell) for column, cell in text_cells(row).items()}
    colour = WORD_COLOURS.get(row.verdict, "gray")
    name = (
        f"{shown['number']} :gray[{CATALOGUE[row.name].reading}]"
        if row.name in CATALOGUE
        else shown["number"]
    )
    return {**shown, "number": name, "verdict": f":{colour}-badge[{row.verdict}]"}


def downloads(paired: PairedViews, rows: Sequence[MetricChange]) -> None:
    """All metrics as CSV and JSON, the table above as LaTeX."""
    name = f"{paired.a.name} against {paired.b.name}-{paired.a.split}"
    files = (
        ("CSV", "csv", "text/csv", lambda: csv_text([number_cells(r) for r in paired.compared.table.rows])),
        ("JSON", "json", "application/json", lambda: json.dumps(paired.compared.to_json(), indent=1)),
        ("LaTeX", "tex", "text/x-tex", lambda: latex([text_cells(r) for r in rows])),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in files:
        key = f"compare-{ending}"
        offer_download(place, label, content, f"{name}.{ending}", kind, key=key)
