"""The visiting studies at hand: which, what came of taking them in, their vectors, and their end."""

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
from suture.pages.components.shell import shell, views
from suture.pages.components.shell.shell import Choice
from suture.pages.components.shell.views import View
from suture.workflows.neighbours import uploads

ALONE, BEHIND = "A collection of their own", "Behind the studies of A, in a new collection"


@dataclass(frozen=True)
class Side:
    """The newcomers in A, or in B. `words` is its colour."""

    letter: str
    words: str
    colour: str
    view: View
    guests: EmbeddingSet


def choose(known: list[Record]) -> Record:
    """Which visit is looked at: the one just taken in, else the newest."""
    oldest = len(known)  # numbered, as Streamlit takes options of the same label for the same
    labels = {v.name: f"{oldest - i}: {_count(v)}, added {_when(v)}" for i, v in enumerate(known)}
    if st.session_state.get("studies_visit") not in labels:
        st.session_state["studies_visit"] = known[0].name
    if len(known) == 1:
        return known[0]
    st.selectbox("Which studies", [*labels], format_func=labels.__getitem__, key="studies_visit")
    return next(v for v in known if v.name == st.session_state["studies_visit"])


def _count(visit: CollectionRecord) -> str:
    return f"{visit.meta.n:,} {'study' if visit.meta.n == 1 else 'studies'}"


def _when(visit: Record) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(visit.created))


def head(visit: Record, choice: Choice) -> None:
    """What was taken in, and the ways on."""
    came = uploads.taken(visit)
    mine = visit.name in st.session_state.get("studies_added", ())
    said = came.message if mine else f"You left {_count(visit)} here."
    left, right = st.columns([2, 3], vertical_alignment="center")
    left.markdown(f"**{said}** :gray[Added {_when(visit)}, kept until you discard them.]")
    with right.container(horizontal=True, horizontal_alignment="right"):
        with st.popover("Intake", icon=":material/rule:"):
            intake_report.show(came, "studies_intake")
        _keep(visit, choice)
        _discard(visit)
    if mine and came.skipped:
        st.warning(f"{sum(came.skipped.values()):,} skipped; Intake tells why.", icon=":material/rule:")
    if mine:
        intake_report.warnings(came)


def _keep(visit: Record, choice: Choice) -> None:
    with st.popover("Add to the library", icon=":material/library_add:"):
        behind = storage.origin(views.workspace(), choice.a.record)
        ways = [ALONE] if behind is None else [ALONE, BEHIND]
        how = st.radio("How", ways, key="studies_how_kept", label_visibility="collapsed")
        if behind is None or how == ALONE:
            st.caption("They can then be embedded, measured and trained on like any collection.")
        else:
            st.caption(
                f"A new collection: the studies of {cards.plain(behind.name)}, then yours in a split of "
                f"their own, called {append.ADDED}, so that what was measured stays comparable. "
                f"{cards.plain(behind.name)} stays as it is. The new one is to be embedded again."
            )
        name = st.text_input("Name", key=f"studies_name_{visit.name}").strip()
        if st.button("Add", type="primary", key="studies_keep", disabled=not name):
            try:
                if behind is None or how == ALONE:
                    uploads.keep(views.workspace(), visit, name)
                else:
                    uploads.append(views.workspace(), visit, behind, name)
            except UserError as error:
                st.error(cards.plain(error.message), icon=":material/block:")
                return
            st.session_state["studies_kept"] = name
            _forget()


def _discard(visit: Record) -> None:
    with st.popover("Discard", icon=":material/delete:"):
        st.caption("Deletes their pictures, reports and vectors from this machine. Your own files stay.")
        if st.button(f"Discard {_count(visit)}", type="primary", key="studies_discard"):
            uploads.discard(views.workspace(), visit)
            _forget()


def _forget() -> None:
    """Nothing of a visit that has ended stays in memory."""
    _collection.clear()
    _pack.clear()
    st.session_state.pop("studies_visit", None)
    st.rerun()


def farewell() -> None:
    """Once, after a visit became a collection."""
    name = st.session_state.pop("studies_kept", "")
    if name:
        st.success(f"{cards.plain(name)} is a collection now.", icon=":material/check_circle:")
        shell.link("library", "Open the Library", ":material/inventory_2:")


@st.cache_resource(show_spinner=False, max_entries=4)
def _collection(record_id: str, name: str) -> Collection:
    return storage.load(uploads.home(views.workspace()), name)


@st.cache_resource(show_spinner=False, max_entries=4)
def _pack(record_id: str, name: str) -> ImagePack | None:
    return storage.image_pack(uploads.home(views.workspace()), name)


def collection(visit: Record) -> Collection:
    """The visiting studies."""
    return _collection(visit.id, visit.name)


def picture(visit: Record, number: int) -> bytes | None:
    """One of their pictures, by its number in the pack."""
    pack = _pack(visit.id, visit.name)
    return None if pack is None else pack.read(number)


def sides(visit: Record, choice: Choice) -> list[Side]:
    """The visit in A and in B; empty while it is being embedded, or where nothing can embed it."""
    makers: dict[str, Record] = {}
    for shown in choice.views:
        try:
            makers[shown.name] = uploads.checkpoint_of(views.workspace(), shown.record)
        except UserError as error:
            st.warning(cards.plain(error.message), icon=":material/link_off:")
    missing = {m.name for m in makers.values() if uploads.embedded(views.workspace(), visit, m) is None}
    if missing:
        _embed(visit, [name for name in dict.fromkeys(m.name for m in makers.values()) if name in missing])
        return []
    found = []
    for letter, words, colour, shown in zip("AB", cards.WORDS, cards.COLOURS, choice.views, strict=False):
        maker = makers.get(shown.name)
        guests = uploads.embedded(views.workspace(), visit, maker) if maker else None
        if guests is not None:
            found.append(Side(letter, words, colour, shown, guests))
    return found


def _embed(visit: Record, checkpoints: list[str]) -> None:
    """Start the worker unless it runs, or was stopped or failed: then only when asked."""
    workspace, asked = views.workspace(), {"visit": visit.name, "checkpoints": checkpoints}
    jobs.wake(workspace)
    if uploads.active(workspace, visit) is None:
        last = next((j for j in jobs.jobs(workspace) if j.kind == uploads.JOB and j.args == asked), None)
        if last is not None and last.state in jobs.STOPPED:
            st.warning(cards.plain(last.message), icon=":material/block:")
            if not st.button("Embed them", key="studies_again", icon=":material/replay:"):
                return
        jobs.start(workspace, uploads.JOB, asked)
    _watch(visit)


@st.fragment(run_every=0.5)
def _watch(visit: Record) -> None:
    """Looks in on the worker; runs the page again when it is done."""
    job = uploads.active(views.workspace(), visit)
    if job is None:
        st.rerun()
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.progress(job.progress, text=cards.plain(jobs.said(views.workspace(), job)))
    if right.button("Stop", key="studies_stop"):
        jobs.cancel(views.workspace(), job.id)
        st.rerun()
