"""The uploaded studies: which batch, its intake, its vectors in A and B, keeping and discarding it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from suture import jobs
from suture.data.collection import Collection
from suture.data.collections import append, storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import UserError
from suture.data.images.pack import ImagePack
from suture.data.workspace import CollectionRecord, Record
from suture.pages.components.cards import cards, intake_report
from suture.pages.components.shell import navigation, views
from suture.pages.components.shell.shared_choice import Choice
from suture.pages.components.shell.views import View
from suture.workflows.job_kinds import EmbedUploadsJob
from suture.workflows.neighbours import uploads

ALONE, APPENDED = "A new collection", "The collection of A with these studies appended"


@dataclass(frozen=True)
class UploadsInSet:
    """The uploaded studies embedded by the checkpoint of A, or of B."""

    letter: str
    colour_name: str
    colour: str
    view: View
    uploads: EmbeddingSet


def choose(batches: list[Record]) -> Record:
    """The batch to show: the one just uploaded, else the newest."""
    # Numbered, because Streamlit treats options with the same label as one.
    labels = {v.name: f"{len(batches) - i}: {_count(v)}, added {_when(v)}" for i, v in enumerate(batches)}
    if st.session_state.get("studies_visit") not in labels:
        st.session_state["studies_visit"] = batches[0].name
    if len(batches) == 1:
        return batches[0]
    st.selectbox("Which studies", [*labels], format_func=labels.__getitem__, key="studies_visit")
    return next(v for v in batches if v.name == st.session_state["studies_visit"])


def _count(batch: CollectionRecord) -> str:
    return f"{batch.meta.n:,} {'study' if batch.meta.n == 1 else 'studies'}"


def _when(batch: Record) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.created))


def header(batch: Record, choice: Choice) -> None:
    """The intake of the batch, and buttons to keep or discard it."""
    report = uploads.intake_report(batch)
    just_added = batch.name in st.session_state.get("studies_added", ())
    message = report.message if just_added else f"{_count(batch)} from an earlier visit."
    left, right = st.columns([2, 3], vertical_alignment="center")
    left.markdown(f"**{message}** :gray[Added {_when(batch)}, stored until you discard them.]")
    with right.container(horizontal=True, horizontal_alignment="right"):
        with st.popover("Intake", icon=":material/rule:"):
            intake_report.show(report, "studies_intake")
        _keep(batch, choice)
        _discard(batch)
    if just_added and report.skipped:
        st.warning(f"{sum(report.skipped.values()):,} skipped; Intake says why.", icon=":material/rule:")
    if just_added:
        intake_report.warnings(report)


def _keep(batch: Record, choice: Choice) -> None:
    with st.popover("Add to the library", icon=":material/library_add:"):
        collection_of_a = storage.source_collection(views.workspace(), choice.a.record)
        ways = [ALONE] if collection_of_a is None else [ALONE, APPENDED]
        how = st.radio("How", ways, key="studies_how_kept", label_visibility="collapsed")
        if collection_of_a is None or how == ALONE:
            st.caption("They can then be embedded, measured and trained on like any collection.")
        else:
            st.caption(
                f"Makes a new collection: the studies of {cards.escape(collection_of_a.name)}, then yours in "
                f"a split named {append.ADDED_SPLIT}, so that earlier results stay comparable. "
                f"{cards.escape(collection_of_a.name)} does not change. Embed the new collection next."
            )
        name = st.text_input("Name", key=f"studies_name_{batch.name}").strip()
        if st.button("Add", type="primary", key="studies_keep", disabled=not name):
            try:
                if collection_of_a is None or how == ALONE:
                    uploads.save_as_collection(views.workspace(), batch, name)
                else:
                    uploads.append_to_collection(views.workspace(), batch, collection_of_a, name)
            except UserError as error:
                st.error(cards.escape(error.message), icon=":material/block:")
                return
            st.session_state["studies_kept"] = name
            _clear_caches_and_rerun()


def _discard(batch: Record) -> None:
    with st.popover("Discard", icon=":material/delete:"):
        st.caption("Deletes the images, reports and vectors from this workspace. Your own files stay.")
        if st.button(f"Discard {_count(batch)}", type="primary", key="studies_discard"):
            uploads.delete_upload(views.workspace(), batch)
            _clear_caches_and_rerun()


def _clear_caches_and_rerun() -> None:
    """Nothing of a batch that was kept or discarded stays in memory."""
    _collection.clear()
    _pack.clear()
    st.session_state.pop("studies_visit", None)
    st.rerun()


def say_added_to_library() -> None:
    """Once, after a batch became a collection."""
    name = st.session_state.pop("studies_kept", "")
    if name:
        st.success(f"{cards.escape(name)} was added to the library.", icon=":material/check_circle:")
        navigation.page_link("library", "Open the Library", ":material/inventory_2:")


@st.cache_resource(show_spinner=False, max_entries=4)
def _collection(record_id: str, name: str) -> Collection:
    return storage.load(uploads.home(views.workspace()), name)


@st.cache_resource(show_spinner=False, max_entries=4)
def _pack(record_id: str, name: str) -> ImagePack | None:
    return storage.image_pack(uploads.home(views.workspace()), name)


def collection(batch: Record) -> Collection:
    """The uploaded studies as a collection."""
    return _collection(batch.id, batch.name)


def image(batch: Record, number: int) -> bytes | None:
    """One of their images, by its number in the pack."""
    pack = _pack(batch.id, batch.name)
    return None if pack is None else pack.read(number)


def in_sets(batch: Record, choice: Choice) -> list[UploadsInSet]:
    """The batch embedded as A and as B; empty while it is being embedded, or where nothing can embed it."""
    makers: dict[str, Record] = {}
    for shown in choice.views:
        try:
            makers[shown.name] = uploads.checkpoint_of(views.workspace(), shown.record)
        except UserError as error:
            st.warning(cards.escape(error.message), icon=":material/link_off:")
    missing = {
        m.name for m in makers.values() if uploads.stored_embedding(views.workspace(), batch, m) is None
    }
    if missing:
        _embed(batch, [name for name in dict.fromkeys(m.name for m in makers.values()) if name in missing])
        return []
    placed = []
    for letter, colour_name, colour, shown in zip(
        "AB", cards.COLOUR_NAMES, cards.COLOURS, choice.views, strict=False
    ):
        maker = makers.get(shown.name)
        embedded = uploads.stored_embedding(views.workspace(), batch, maker) if maker else None
        if embedded is not None:
            placed.append(UploadsInSet(letter, colour_name, colour, shown, embedded))
    return placed


def _embed(batch: Record, checkpoints: list[str]) -> None:
    """Start the worker; on a click only, where the last one was stopped or failed."""
    workspace, request = views.workspace(), EmbedUploadsJob(batch.name, checkpoints)
    jobs.wake(workspace)
    if uploads.embedding_job(workspace, batch) is None:
        same = (request.kind, request.to_json())
        last = next((j for j in jobs.jobs(workspace) if (j.kind, j.args) == same), None)
        if last is not None and last.state in jobs.STOPPED:
            st.warning(cards.escape(last.message), icon=":material/block:")
            if not st.button("Embed again", key="studies_again", icon=":material/replay:"):
                return
        jobs.start(workspace, request)
    _watch(batch)


@st.fragment(run_every=0.5)
def _watch(batch: Record) -> None:
    """Shows the progress of the worker; reruns the page when it is done."""
    job = uploads.embedding_job(views.workspace(), batch)
    if job is None:
        st.rerun()
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.progress(job.progress, text=cards.escape(jobs.status_text(views.workspace(), job)))
    if right.button("Stop", key="studies_stop"):
        jobs.cancel(views.workspace(), job.id)
        st.rerun()
