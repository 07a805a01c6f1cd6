"""The numbers of A and B side by side: rows for people, CSV, JSON and LaTeX to take away."""

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
from suture.pages.components.cards.downloads import drawn, figure, offer
from suture.pages.components.compare.paired_views import LINK, Both

WORD_COLOURS = {
    "closed": "green",
    "narrowed": "green",
    "better": "green",
    "worse": "red",
    "changed": "violet",
}


def verdict(both: Both) -> None:
    """The sentence to read first, then why."""
    found = both.compared.verdict
    st.markdown(f"#### {cards.plain(found.headline)}")
    st.markdown("\n".join(f"- {cards.plain(reason)}" for reason in found.reasons))
    sides = zip("AB", cards.WORDS, both.views, strict=True)
    st.markdown(" ".join(f":{word}-badge[{letter}] {cards.plain(v.name)}" for letter, word, v in sides))


def section(both: Both) -> None:
    """The headline numbers; all of them in an expander; downloads of all."""
    protocols = {p.replace("_", "-"): p for p in PROTOCOL_MEANING}
    chosen = st.segmented_control(
        "What counts as a right answer",
        [*protocols],
        default="multi-positive",
        required=True,
        key="compare_protocol",
        help=" ".join(f"{p}: {PROTOCOL_MEANING[of]}." for p, of in protocols.items()),
        **LINK,
    )
    rows = headline_rows(both.compared.table.rows, both.pair, protocol=protocols[chosen or "multi-positive"])
    if not rows:
        st.info("None of the headline numbers is there for both sets.")
        return
    st.table([_marked(row) for row in rows], hide_index=True, border="horizontal")
    st.caption(
        "B − A is paired: both sets hold the same studies, so its interval is the one to read, not whether "
        "those of A and B overlap. The verdict follows from that interval alone; p is stricter, "
        "two-sided and after Holm over all headline numbers (repeated texts counting as right)."
    )
    alt = "Paired differences of the headline numbers, with intervals, in smallest changes worth naming"
    figure(drawn(figures.forest_plot, rows), "compare_forest", f"differences-{both.a.split}", alt=alt)
    st.caption(
        "Every difference with its interval, measured in the smallest change worth naming of its number: "
        "inside the grey band nothing changed that matters."
    )
    _all(both)
    downloads(both, rows)


@st.fragment
def _all(both: Both) -> None:
    rows = both.compared.table.rows
    with st.expander(f"All {len(rows):,} numbers", key="compare_all", on_change="rerun") as opened:
        if opened.open:
            st.dataframe([number_cells(row) for row in rows], hide_index=True, width="stretch")


def _marked(row: MetricChange) -> dict[str, str]:
    """A row whose verdict is a coloured word; what strangers wrote stays plain."""
    shown = {column: cards.plain(cell) for column, cell in text_cells(row).items()}
    colour = WORD_COLOURS.get(row.verdict, "gray")
    name = (
        f"{shown['number']} :gray[{CATALOGUE[row.name].reading}]"
        if row.name in CATALOGUE
        else shown["number"]
    )
    return {**shown, "number": name, "verdict": f":{colour}-badge[{row.verdict}]"}


def downloads(both: Both, rows: Sequence[MetricChange]) -> None:
    """Every number as CSV and JSON, the table above as LaTeX."""
    name = f"{both.a.name} against {both.b.name}-{both.a.split}"
    files = (
        ("CSV", "csv", "text/csv", lambda: csv_text([number_cells(r) for r in both.compared.table.rows])),
        ("JSON", "json", "application/json", lambda: json.dumps(both.compared.to_json(), indent=1)),
        ("LaTeX", "tex", "text/x-tex", lambda: latex([text_cells(r) for r in rows])),
    )
    place = st.container(horizontal=True)
    for label, ending, kind, content in files:
        key = f"compare-{ending}"
        offer(place, label, content, f"{name}.{ending}", kind, key=key)
