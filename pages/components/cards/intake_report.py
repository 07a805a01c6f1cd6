"""What became of everything that was offered: shown, and to take away. Nothing of its content is quoted."""

from __future__ import annotations

import json

import streamlit as st

from suture.analysis.text_tables import csv_text
from suture.data.intake.report import IntakeReport
from suture.data.limits import describe
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer

WARNINGS = {
    "image_constant": "pictures of one grey value: a blank frame, or a window that shows nothing",
    "report_empty": "studies without a report",
    "dicom_phi_removed": "DICOM files whose tags named a person; these tags are gone",
    "warn_burned_in_text": "pictures of a kind that often has names burned in: look at them before you share",
    "warn_phi_columns": "columns called like identifiers, left out",
    "warn_phi_in_text": "texts with what looks like a name, date or number of a person",
}


def show(came: IntakeReport, key: str) -> None:
    """Found, taken, skipped and why; key keeps the widgets of several reports apart."""
    st.caption(f"Found {came.found:,}, taken {came.taken:,}, skipped {sum(came.skipped.values()):,}.")
    warnings(came)
    rows = [{"item": item, "reason": code, "what to do": text} for item, code, text in came.problems]
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch")
    if sum(came.skipped.values()) > len(rows):
        st.caption(f"The first {len(rows):,} are listed.")
    line = st.container(horizontal=True)
    content = json.dumps({**came.to_json(), "problems": rows}, indent=1)
    offer(line, "Intake report (JSON)", content, "intake.json", "application/json", key=f"{key}_json")
    offer(line, "Intake report (CSV)", csv_text(table(came)), "intake.csv", "text/csv", key=f"{key}_csv")


def warnings(came: IntakeReport) -> None:
    """What was taken and should be looked at, counted."""
    for code, count in came.warnings.items():
        st.caption(f":material/warning: **{count:,}** {WARNINGS.get(code, cards.escape(code))}")
    if came.identifiers:
        told = ", ".join(f"{kind} {n:,}" for kind, n in came.identifiers.items())
        st.caption(f"Identifiers in texts, by kind: {cards.escape(told)}")


def table(came: IntakeReport) -> list[dict[str, object]]:
    """Counts first, then every skipped item that is listed."""
    counts = [("found", "", came.found), ("taken", "", came.taken)]
    counts += [("skipped", code, count) for code, count in came.skipped.items()]
    counts += [("warning", code, count) for code, count in came.warnings.items()]
    counts += [("identifier", kind, count) for kind, count in came.identifiers.items()]
    if came.refused:
        counts.append(("refused", came.refused, 1))
    head = [{"what": w, "reason": code, "count": n, "item": "", "what to do": ""} for w, code, n in counts]
    items = [
        {"what": "item", "reason": code, "count": 1, "item": item, "what to do": text}
        for item, code, text in came.problems
    ]
    return [*head, *items]


def limits() -> None:
    """How much is read at most, behind a word."""
    with st.popover("Limits", icon=":material/straighten:", type="tertiary"):
        what, most = zip(*describe(), strict=True)
        st.dataframe({"at most": [*most], "of": [*what]}, hide_index=True)
        st.caption("Whoever runs the server can change them.")
