"""Take studies in: from an upload or a folder, with the columns as understood and corrected."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from suture import jobs
from suture.data import intake
from suture.data.dicom.view import MIDDLE
from suture.data.errors import UserError
from suture.data.files import uploads
from suture.data.intake import SourceDescription
from suture.data.readers.raw_studies import Roles
from suture.data.workspace import COLLECTION, check_name
from suture.pages.components import access
from suture.pages.components.access import incidents
from suture.pages.components.cards import cards
from suture.pages.components.library import dicom_choice
from suture.pages.components.shell import views
from suture.workflows.job_kinds import ImportJob

ROLE_NAMES = {
    "study_id": "Study id",
    "group": "Patient or case",
    "split": "Split",
    "duplicate_group": "Same text as (duplicates)",
}
LAYOUTS = (
    "Layouts that are recognised: ROCO, OpenI, MIMIC-CXR-JPG, MedPix, Hugging Face datasets, DICOM, and any "
    "table of reports beside images. Everything is read in a process of its own with limits; files are never "
    "unpacked to disk, and originals are not kept."
)


def add() -> None:
    """The form. What becomes of it is a job, shown above the page."""
    turn = st.session_state.get("collection_turn", 0)  # a new form for the next source
    with st.expander("Add a collection", icon=":material/add:"):
        ways = access.ways("Upload", "Folder on this machine")
        how = st.radio("Source", ways, horizontal=True, key="collection_how")
        source = _uploaded(turn) if how == "Upload" else _typed_path()
        name = st.text_input("Name", key="collection_name").strip()
        if source is None:
            st.caption(LAYOUTS)
            return
        options = _columns_of(source)
        if options and st.button(
            "Take in",
            type="primary",
            key="collection_go",
            disabled=not name,
            help=None if name else "Give it a name first.",
        ):
            _start(source, name, options)


def _uploaded(turn: int) -> Path | None:
    """The files that were dropped, copied to disk at once; what they replace is deleted."""
    label = "A ZIP, or a table and its images, or DICOM files"
    files = st.file_uploader(label, accept_multiple_files=True, key=f"collection_file_{turn}")
    ids = tuple(file.file_id for file in files)
    known: tuple[tuple[str, ...], str] = st.session_state.get("collection_upload", ((), ""))
    if ids != known[0]:
        if known[1]:
            uploads.discard(Path(known[1]))
        folder = uploads.spool(views.workspace(), ((file.name, file) for file in files)) if ids else ""
        known = st.session_state["collection_upload"] = (ids, str(folder))
    return Path(known[1]) if known[1] else None


def _typed_path() -> Path | None:
    path = st.text_input("Path of a folder, ZIP or table", key="collection_path").strip()
    return Path(path).expanduser() if path else None


@st.cache_resource(show_spinner="Reading the table…", max_entries=4, ttl=20)  # a mended file is seen soon
def _understood(source: str) -> SourceDescription | UserError:
    """What the reader makes of a source; kept, so that a correction does not read it again."""
    try:
        return intake.examine(Path(source))
    except UserError as error:
        return error


def _columns_of(source: Path) -> intake.Options | None:
    """What was guessed of the source, to be corrected."""
    found = _understood(str(source))
    if isinstance(found, UserError):
        st.error(cards.escape(found.message), icon=":material/block:")
        return None
    st.markdown(f"**{found.n:,} rows** in {found.layout} layout. Correct the columns if need be:")
    key = hashlib.sha256(str(source).encode()).hexdigest()[:8]
    roles = _correct(found, key)
    view = dicom_choice.choose(key) if found.layout == "dicom" else MIDDLE
    st.dataframe([*found.head], hide_index=True, width="stretch")
    return intake.Options(layout=found.layout, roles=roles if roles != found.roles else None, dicom=view)


def _correct(found: SourceDescription, source: str) -> Roles:
    """The roles as corrected; `source` keeps the answers for one source apart from another's."""
    names, guess = [*found.columns], found.roles
    left, right = st.columns(2)
    images = left.multiselect("Images", names, [*guess.images], key=f"role_images_{source}")
    texts = right.multiselect("Texts", names, [*guess.texts], key=f"role_texts_{source}")
    singles = {}
    for column, part in zip(st.columns(4), ROLE_NAMES, strict=True):
        options = ["", *names]
        index = options.index(getattr(guess, part))
        singles[part] = column.selectbox(ROLE_NAMES[part], options, index=index, key=f"role_{part}_{source}")
    labels = st.multiselect("Labels", names, [*guess.labels], key=f"role_labels_{source}")
    return Roles(
        images=tuple(images),
        texts=tuple(texts),
        tabular=guess.tabular,
        labels=tuple(labels),
        **singles,
    )


def _start(source: Path, name: str, options: intake.Options) -> None:
    """Queue the import, which then owns the upload; the form is empty again."""
    try:
        check_name(name)
        views.workspace().refuse_taken(COLLECTION, name)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    asked = ImportJob(str(source), name, asdict(options))
    incidents.note("start.import", job=jobs.start(views.workspace(), asked))
    st.session_state.pop("collection_upload", None)
    st.session_state["collection_turn"] = st.session_state.get("collection_turn", 0) + 1
    st.rerun()
