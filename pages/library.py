"""The library: add, inspect, verify and delete collections, checkpoints, embedding sets and more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import streamlit as st

from suture import jobs
from suture.data.errors import UserError
from suture.data.intake.report import IntakeReport
from suture.data.workspace import BUILT_IN, CAPTIONER, CHECKPOINT, COLLECTION, KINDS, SELECTION, SET, Record
from suture.data.workspace.describe import describe
from suture.pages.components.access import incidents
from suture.pages.components.cards import cards, downloads, intake_report
from suture.pages.components.jobs import job_list
from suture.pages.components.library import checkpoint_form, collection_form, vector_form
from suture.pages.components.serving import study_files
from suture.pages.components.shell import navigation, notices, views
from suture.workflows.job_kinds import EmbedJob


def main() -> None:
    navigation.open_page("Library", "What does the workspace hold, and where does it come from?")
    records = {kind: views.workspace().records(kind) for kind in KINDS}
    notices.about_collections(records[COLLECTION])
    job_list.show_current()
    report = st.session_state.pop("library_report", None)
    if report is not None:
        show_report(report)
    titles = ["Collections", "Checkpoints", "Embedding sets", "Selections", "Captioners", "Jobs"]
    collections, checkpoints, sets, selections, captioners, history = st.tabs(
        titles, key="library_tab", on_change="rerun"
    )
    with collections:
        collection_form.show()
        listing(records[COLLECTION], "No collections yet. Add a folder, a ZIP or a table above.")
    with checkpoints:
        checkpoint_form.show()
        listing(records[CHECKPOINT], "The built-in demo checkpoints appear on first use.")
    with sets:
        embed_form(records[COLLECTION], records[CHECKPOINT])
        vector_form.show(records[COLLECTION], keep_report)
        listing(records[SET], "No embedding sets yet. Embed a collection above, or add vectors.")
    with selections:
        listing(records[SELECTION], "No selections yet. Select studies on the Map and save them there.")
    with captioners:
        listing(records[CAPTIONER], "No captioners yet. Train them on the Captions page.")
    with history:
        job_list.history()


def keep_report(report: IntakeReport) -> None:
    """Rerun with the report above lists that already hold the new item."""
    st.session_state["library_report"] = report
    st.rerun()


def show_report(report: IntakeReport) -> None:
    """Counts found, imported and skipped, or the reason for a refusal."""
    if report.refused:
        st.error(cards.escape(report.message), icon=":material/block:")
    else:
        st.success(cards.escape(report.message), icon=":material/check_circle:")
    intake_report.show(report, "library_report")


def embed_form(collections: list[Record], checkpoints: list[Record]) -> None:
    with st.expander("Embed a collection", icon=":material/add:"):
        if collections:
            left, right = st.columns(2)
            collection = left.selectbox("Collection", [c.name for c in collections], key="embed_collection")
            names = [*dict.fromkeys([*BUILT_IN, *(c.name for c in checkpoints)])]
            checkpoint = right.selectbox("Checkpoint", names, key="embed_checkpoint")
            cluster = None
            if os.environ.get("RAY_ADDRESS") and st.toggle("On the Ray cluster", value=True, key="embed_ray"):
                cluster = {"address": "auto"}
            if st.button("Embed", type="primary", key="embed_go"):
                launch(EmbedJob(collection, checkpoint, cluster=cluster))
        else:
            st.caption("Add a collection first.")


def launch(request: EmbedJob) -> None:
    incidents.note(f"start.{request.kind}", job=jobs.start(views.workspace(), request))
    st.rerun()


def listing(records: list[Record], empty: str) -> None:
    if not records:
        st.info(empty, icon=":material/potted_plant:")
    for record in records:
        with st.container(border=True):
            st.markdown(f"**{cards.escape(record.name)}**")
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.created))
            st.caption(f"{cards.escape(describe(record))} {record.size / 1e6:,.1f} MB, added {when}.")
            with st.expander("Provenance"):
                st.json({"id": record.id, "fingerprint": record.fingerprint, **record.meta.to_json()})
            actions(record)


def actions(record: Record) -> None:
    row = st.container(horizontal=True)
    with row.popover("Rename"):
        new = st.text_input("New name", record.name, key=f"new-{record.id}").strip()
        if st.button("Rename", key=f"rename-{record.id}"):
            attempt(lambda: views.workspace().rename(record.kind, record.name, new))
    if row.button("Verify", key=f"verify-{record.id}", help="Compare every file with its checksum."):
        damaged = views.workspace().verify(record)
        if damaged:
            st.error(cards.escape(f"Damaged: {', '.join(damaged)}."))
        else:
            st.success(f"All {len(record.files)} files match their checksums.")
    if record.kind == SET:
        downloads.export_buttons(row, record)
    with row.popover("Delete"):
        st.caption("Removes the files from the workspace. Your source files stay.")
        users = dependents(record)
        if users:
            listed = cards.escape(", ".join(users))
            st.caption(f"These were made from it and lose its images and texts: {listed}.")
        if st.button(f"Delete {cards.escape(record.name)}", type="primary", key=f"delete-{record.id}"):
            attempt(lambda: delete(record))


def dependents(record: Record) -> list[str]:
    """Embedding sets and captioners that refer to a collection or checkpoint."""
    sets, captioners = views.workspace().records(SET), views.workspace().records(CAPTIONER)
    made = [r.name for r in sets if record.id in (r.meta.collection_id, r.meta.checkpoint_id)]
    return made + [r.name for r in captioners if r.meta.collection_id == record.id]


def delete(record: Record) -> None:
    """Delete a record, and clear what the server holds of it in memory."""
    views.workspace().remove(record.kind, record.name)
    incidents.note("remove", record=record.id)
    study_files.forget()
    st.cache_resource.clear()
    st.cache_data.clear()


def attempt(change: Callable[[], None]) -> None:
    try:
        change()
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    st.rerun()


main()
