"""The intake report: what was imported, skipped and why, with downloads. It quotes no content."""

from __future__ import annotations

import json

import streamlit as st

from suture.analysis.text_tables import csv_text
from suture.data.intake.report import IntakeReport
from suture.data.limits import describe
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer_download

WARNINGS = {
    "image_constant": "images of one grey value: a blank frame, or a window that shows nothing",
    "report_empty": "studies without a report",
    "dicom_phi_removed": "DICOM files whose tags identified a person; these tags were removed",
    "warn_burned_in_text": "images of a kind that often has names burned in: check them before sharing",
    "warn_phi_columns": "columns named like identifiers, left out",
    "warn_phi_in_text": "texts with what looks like a person's name, date or number",
}


def show(report: IntakeReport, key: str) -> None:
    """Counts found, imported and skipped, with reasons; key separates the widgets of several reports."""
    st.caption(
        f"Found {report.found:,}, imported {report.taken:,}, skipped {sum(report.skipped.values()):,}."
    )
    warnings(report)
    rows = [{"item": item, "reason": code, "what to do": text} for item, code, text in report.problems]
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch")
    if sum(report.skipped.values()) > len(rows):
        st.caption(f"Only the first {len(rows):,} are listed.")
    line = st.container(horizontal=True)
    content = json.dumps({**report.to_json(), "problems": rows}, indent=1)
    offer_download(
        line, "Intake report (JSON)", content, "intake.json", "application/json", key=f"{key}_json"
    )
    offer_download(
        line, "Intake report (CSV)", csv_text(table(report)), "intake.csv", "text/csv", key=f"{key}_csv"
    )


def warnings(report: IntakeReport) -> None:
    """Counts of imported items that should be checked."""
    for code, count in report.warnings.items():
        st.caption(f":material/warning: **{count:,}** {WARNINGS.get(code, cards.escape(code))}")
    if report.identifiers:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in report.identifiers.items())
        st.caption(f"Identifiers in texts, by kind: {cards.escape(kinds)}")


def table(report: IntakeReport) -> list[dict[str, object]]:
    """Counts first, then every skipped item that is listed."""
    counts = [("found", "", report.found), ("taken", "", report.taken)]
    counts += [("skipped", code, count) for code, count in report.skipped.items()]
    counts += [("warning", code, count) for code, count in report.warnings.items()]
    counts += [("identifier", kind, count) for kind, count in report.identifiers.items()]
    if report.refused:
        counts.append(("refused", report.refused, 1))
    head = [{"what": w, "reason": code, "count": n, "item": "", "what to do": ""} for w, code, n in counts]
    items = [
        {"what": "item", "reason": code, "count": 1, "item": item, "what to do": text}
        for item, code, text in report.problems
    ]
    return [*head, *items]


def limits() -> None:
    """The limits on what is read, in a popover."""
    with st.popover("Limits", icon=":material/straighten:", type="tertiary"):
        what, most = zip(*describe(), strict=True)
        st.dataframe({"at most": [*most], "of": [*what]}, hide_index=True)
        st.caption("Whoever runs the server can change them.")
