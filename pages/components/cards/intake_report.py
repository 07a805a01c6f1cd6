"""The intake report: what was imported, skipped and why, with downloads. It quotes no content."""

from __future__ import annotations

import json

import streamlit as st

from suture.analysis.text_tables import csv_text
from suture.data.intake.reasons import reasons
from suture.data.intake.report import IntakeReport
from suture.data.limits import describe
from suture.pages.components.cards import cards
from suture.pages.components.cards.downloads import offer_download


def show(report: IntakeReport, key: str) -> None:
    """Counts first, then what was skipped and why, then warnings. key separates several reports' widgets."""
    skipped = sum(report.skipped.values())
    st.caption(f"Found {report.found:,}, imported {report.taken:,}, skipped {skipped:,}.")
    rows = [{"item": item, "reason": code, "what to do": text} for item, code, text in report.problems]
    if report.skipped:
        st.markdown("**Not imported, and why**")
        st.dataframe(_reasons(report), hide_index=True, width="stretch")
    warnings(report)
    if rows:
        which = (
            "Each skipped item"
            if len(rows) == skipped
            else f"The first {len(rows):,} of {skipped:,} skipped items"
        )
        st.caption(f"{which}:")
        st.dataframe(rows, hide_index=True, width="stretch", height=min(36 * len(rows) + 38, 250))
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
    known = reasons()
    if report.warnings:
        st.markdown("**Imported, but check**")
    for code, count in report.warnings.items():
        told = f"{known[code].means} {known[code].do}" if code in known else code
        named = report.warned.get(code, ())
        which = f" :gray[{cards.escape(', '.join(named[:5]))}{', …' if count > 5 else ''}]" if named else ""
        st.caption(f":material/warning: **{count:,}** · {cards.escape(told)}{which}")
    if report.identifiers:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in report.identifiers.items())
        st.caption(f"Identifiers in texts, by kind: {cards.escape(kinds)}")


def _reasons(report: IntakeReport) -> list[dict[str, object]]:
    known = reasons()
    return [
        {
            "count": count,
            "reason": code,
            "first": next((item for item, of, _ in report.problems if of == code), ""),
            "meaning": known[code].means if code in known else "",
            "what to do": known[code].do if code in known else "",
        }
        for code, count in sorted(report.skipped.items(), key=lambda pair: -pair[1])
    ]


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
