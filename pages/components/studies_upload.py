"""Studies offered to the page My studies: what can come, how it is taken in, and what was left out."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import streamlit as st

from analysis.tables import csv_text
from data.readers.names import pictures
from data.report import IntakeReport
from models import newcomers
from models.newcomers import Admission, Uploads
from pages.components import access, cards, views
from pages.components.downloads import offer

KEPT = (
    "They stay on this machine, apart from your collections, until you discard them. Nothing is trained on "
    "them. Of DICOM files the picture alone is kept, without names or dates."
)
WHAT = "Pictures (PNG, JPEG, TIFF, DICOM …), .txt reports of the same name, a table of reports, or one ZIP"


def add(*, expanded: bool) -> None:
    """The form. What was taken in is shown by the run after."""
    refused = st.session_state.pop("studies_refused", None)
    turn = st.session_state.get("studies_turn", 0)  # a new form, closed, for the next studies
    opened = expanded or refused is not None
    with st.expander("Add studies", icon=":material/add:", expanded=opened, key=f"studies_add_{turn}"):
        how = st.radio(
            "From", access.ways("Upload", "Folder on this machine"), horizontal=True, key="studies_how"
        )
        source = _uploaded(turn) if how == "Upload" else _typed_path()
        st.caption(KEPT)
        if st.button("Show what they are like", type="primary", key="studies_go", disabled=not source):
            _take(source)
        if refused is not None:
            st.error(cards.plain(refused.message), icon=":material/block:")
            report(refused)


def nothing_yet() -> None:
    """What will be here."""
    st.info("No studies yet. Add some above, and within seconds you see:", icon=":material/potted_plant:")
    st.markdown(
        "- **their neighbours** in the collection, by picture and by report, in A and in B side by side;\n"
        "- **what the neighbours agree on**: the labels that most of them share, against chance;\n"
        "- **whether they belong**: how far out each lies, measured against the collection's own studies;\n"
        "- **their place on the map**.\n\n"
        "One picture is enough; a report can be typed beside it. Reports without pictures work too."
    )


def _uploaded(turn: int) -> Uploads:
    """Files, and a report typed beside a single picture or instead of one."""
    files = st.file_uploader(WHAT, accept_multiple_files=True, key=f"studies_files_{turn}")
    offered = [(file.name, file.getvalue()) for file in files]
    if len(offered) > 1 or (offered and not pictures([offered[0][0]])):
        return offered
    label = "Type or paste its report (optional)" if offered else "Or type or paste a report alone"
    words = st.text_area(label, key=f"studies_words_{turn}", height=100, max_chars=20_000).strip()
    name = PurePosixPath(offered[0][0]).with_suffix(".txt").name if offered else "typed report.txt"
    return [*offered, (name, words.encode())] if words else offered


def _typed_path() -> Path | None:
    path = st.text_input("Path of a folder or ZIP", key="studies_path").strip()
    return Path(path) if path else None


def _take(source: Path | Uploads) -> None:
    bar = st.progress(0.0, text="Reading")

    def progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"{done:,} of {total:,} studies")

    came: Admission = newcomers.admit(views.workspace(), source, progress=progress)
    bar.empty()
    if came.visit:
        st.session_state["studies_visit"] = came.visit
        st.session_state["studies_added"] = (*st.session_state.get("studies_added", ()), came.visit)
        st.session_state["studies_turn"] = st.session_state.get("studies_turn", 0) + 1
    else:
        st.session_state["studies_refused"] = came.report
    st.rerun()


def report(came: IntakeReport) -> None:
    """Found, taken, skipped and why; to take away."""
    skipped = sum(came.skipped.values())
    st.caption(f"Found {came.found:,}, taken {came.taken:,}, skipped {skipped:,}.")
    rows = [{"item": item, "reason": code, "what to do": text} for item, code, text in came.problems]
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch")
    if skipped > len(rows):
        st.caption(f"The first {len(rows):,} are listed.")
    row = st.container(horizontal=True)
    content = json.dumps({**came.to_json(), "problems": rows}, indent=1)
    offer(row, "Intake report (JSON)", content, "intake.json", "application/json", key="studies_json")
    table = csv_text(rows)
    offer(row, "Skipped (CSV)", table, "skipped.csv", "text/csv", key="studies_csv", disabled=not rows)
