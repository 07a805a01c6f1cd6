"""The form that imports a collection from an upload or a folder, and lets the user correct its columns."""

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
from suture.data.files.names import full_path
from suture.data.intake import SourceDescription
from suture.data.readers.label_prompts import TEMPLATE
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
    "duplicate_group": "Duplicate group",
}
LAYOUTS = (
    "Recognised layouts: ROCO, OpenI, MIMIC-CXR-JPG, MedPix, Hugging Face datasets, WebDataset, DICOM, and "
    "any table (CSV, JSON, Excel, Parquet) of reports with images. Everything is read in a separate process "
    "with limits; files are never unpacked to disk, and originals are not kept."
)


def show() -> None:
    """The form. It starts a job, which the page shows above."""
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
            "Import",
            type="primary",
            key="collection_go",
            disabled=not name,
            help=None if name else "Enter a name first.",
        ):
            _start(source, name, options)


def _uploaded(turn: int) -> Path | None:
    """The uploaded files, copied to disk at once; the files they replace are deleted."""
    label = "A ZIP, a table with its images, or DICOM files"
    files = st.file_uploader(label, accept_multiple_files=True, key=f"collection_file_{turn}")
    ids = tuple(file.file_id for file in files)
    previous: tuple[tuple[str, ...], str] = st.session_state.get("collection_upload", ((), ""))
    if ids != previous[0]:
        if previous[1]:
            uploads.discard(Path(previous[1]))
        folder = uploads.spool(views.workspace(), ((file.name, file) for file in files)) if ids else ""
        previous = st.session_state["collection_upload"] = (ids, str(folder))
    return Path(previous[1]) if previous[1] else None


def _typed_path() -> Path | None:
    path = st.text_input("Path of a folder, ZIP or table", key="collection_path").strip()
    return full_path(path) if path else None


@st.cache_resource(
    show_spinner="Reading the table…", max_entries=4, ttl=20
)  # a corrected file is read again soon
def _understood(source: str) -> SourceDescription | UserError:
    """The columns recognised in a source; cached, so that a correction does not read it again."""
    try:
        return intake.examine(Path(source))
    except UserError as error:
        return error


def _columns_of(source: Path) -> intake.Options | None:
    """The recognised columns, for the user to correct."""
    source_columns = _understood(str(source))
    if isinstance(source_columns, UserError):
        st.error(cards.escape(source_columns.message), icon=":material/block:")
        return None
    st.markdown(f"**{source_columns.n:,} rows** in {source_columns.layout} layout. Check the columns:")
    key = hashlib.sha256(str(source).encode()).hexdigest()[:8]
    if source_columns.notes.get("tables"):
        st.caption(cards.escape(str(source_columns.notes["tables"])))
    if source_columns.missing:
        st.warning(cards.escape(source_columns.missing), icon=":material/view_column:")
    roles = _correct(source_columns, key)
    view = dicom_choice.choose(key) if source_columns.layout == "dicom" else MIDDLE
    st.dataframe([*source_columns.head], hide_index=True, width="stretch")
    prompts = _prompts(roles, key)
    if len(roles.images) + len(roles.texts) + bool(roles.tabular or prompts) < 2:
        st.caption("Choose two columns or more as images or texts; then the studies can be imported.")
        return None
    return intake.Options(
        layout=source_columns.layout,
        roles=roles if roles != source_columns.roles else None,
        dicom=view,
        prompts=prompts,
    )


def _prompts(roles: Roles, source: str) -> str:
    """The template of texts made of labels, offered where there are labels and no texts; "" = none."""
    if roles.texts or not (roles.images and roles.labels):
        return ""
    if not st.checkbox("Make texts of the labels", key=f"prompts_{source}"):
        return ""
    return st.text_input("Text, with {} where the labels go", TEMPLATE, key=f"template_{source}").strip()


def _correct(source_columns: SourceDescription, source: str) -> Roles:
    """The roles as corrected; `source` keeps the answers for one source apart from another's."""
    names, guess = [*source_columns.columns], source_columns.roles
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
    """Queue the import, which then owns the upload, and empty the form."""
    try:
        check_name(name)
        views.workspace().refuse_taken(COLLECTION, name)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    request = ImportJob(str(source), name, asdict(options))
    incidents.note("start.import", job=jobs.start(views.workspace(), request))
    st.session_state.pop("collection_upload", None)
    st.session_state["collection_turn"] = st.session_state.get("collection_turn", 0) + 1
    st.rerun()
