"""The form that uploads studies to the page My studies."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path, PurePosixPath

import numpy as np
import streamlit as st

from suture.data import intake
from suture.data.dicom.view import MIDDLE, DicomView
from suture.data.errors import UserError
from suture.data.files import uploads
from suture.data.files.magic import is_dicom
from suture.data.intake import Options
from suture.data.readers.file_lookup import image_names
from suture.pages.components import access
from suture.pages.components.cards import cards, intake_report
from suture.pages.components.library import dicom_choice
from suture.pages.components.shell import views
from suture.workflows.neighbours import uploads as uploaded_studies
from suture.workflows.neighbours.uploads import UploadedFiles, UploadResult

STORAGE = (
    "The studies stay on this machine, separate from your collections, until you discard them. Nothing is "
    "trained on them. Of DICOM files only the image is stored, without names or dates."
)
FORMATS = "Images (PNG, JPEG, TIFF, DICOM …), .txt reports of the same name, a table of reports, or one ZIP"
FILES, FOLDER, HERE = "Files or a ZIP", "A folder", "Folder on this machine"


def add(*, expanded: bool) -> None:
    """The form. The next run shows the uploaded studies."""
    refused = st.session_state.pop("studies_refused", None)
    turn = st.session_state.get("studies_turn", 0)  # a new form, closed, for the next studies
    opened = expanded or refused is not None
    with st.expander("Add studies", icon=":material/add:", expanded=opened, key=f"studies_add_{turn}"):
        how = st.radio("From", access.ways(FILES, FOLDER, HERE), horizontal=True, key="studies_how")
        source = _typed_path() if how == HERE else _uploaded(turn, folder=how == FOLDER)
        view = _dicom_view(source, turn)
        st.caption(STORAGE)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Find neighbours", type="primary", key="studies_go", disabled=not source) and source:
                _take_in(source, view)
            intake_report.limits()
        if refused is not None:
            st.error(cards.escape(refused.message), icon=":material/block:")
            intake_report.show(refused, "studies_refused")


def nothing_yet() -> None:
    """What the page will show."""
    st.info("No studies yet. Add some above; within seconds you see:", icon=":material/potted_plant:")
    st.markdown(
        "- **their neighbours** in the collection, by image and by report, in A and in B side by side;\n"
        "- **what the neighbours agree on**: the labels that most of them share, compared with the "
        "collection;\n- **whether they are outliers**: the distance of each to the collection, compared with "
        "its own studies;\n- **their place on the map**.\n\n"
        "One image is enough; you can type its report. Reports without images work too."
    )


def _uploaded(turn: int, *, folder: bool) -> UploadedFiles:
    """Files, and a report typed for a single image or instead of one."""
    key = f"studies_files_{turn}_{folder}"
    if folder:
        files = st.file_uploader(FORMATS, accept_multiple_files="directory", key=key)
    else:
        files = st.file_uploader(FORMATS, accept_multiple_files=True, key=key)
    files_read = [(file.name, file.getvalue()) for file in files]
    if folder or len(files_read) > 1 or (files_read and not image_names([files_read[0][0]])):
        return files_read
    label = "Type or paste its report (optional)" if files_read else "Or type or paste a report alone"
    words = st.text_area(label, key=f"studies_words_{turn}", height=100, max_chars=20_000).strip()
    name = PurePosixPath(files_read[0][0]).with_suffix(".txt").name if files_read else "typed report.txt"
    return [*files_read, (name, words.encode())] if words else files_read


def _typed_path() -> Path | None:
    path = st.text_input("Path of a folder or ZIP", key="studies_path").strip()
    return Path(path) if path else None


def _dicom_view(source: Path | UploadedFiles | None, turn: int) -> DicomView:
    """Frame and window of DICOM files, where there may be some, with a preview of the first."""
    files_read = [] if source is None or isinstance(source, Path) else source
    dicom_files = [(name, content) for name, content in files_read if is_dicom(content, name)]
    if not dicom_files and not (
        isinstance(source, Path) or any(n.lower().endswith(".zip") for n, _ in files_read)
    ):
        return MIDDLE
    view = dicom_choice.choose(f"studies_{turn}")
    if dicom_files:
        name, content = dicom_files[0]
        shown = _first(blake2b(content, digest_size=16).hexdigest(), view, _file=(name, content))
        if isinstance(shown, np.ndarray):
            st.image(shown, width=240, caption="The first DICOM file, as it will be stored")
        else:
            st.caption(cards.escape(shown))
    return view


@st.cache_data(show_spinner="Reading the first DICOM file…", max_entries=8, ttl=120)
def _first(content: str, view: DicomView, *, _file: tuple[str, bytes]) -> np.ndarray | str:
    """The image of a file as the reader will store it, or why there is none."""
    folder = uploads.spool(views.workspace(), [_file])
    try:
        shown = intake.preview(folder, options=Options(unpaired=True, loose=True, dicom=view))
    except UserError as error:
        return error.message
    finally:
        uploads.discard(folder)
    return "The first DICOM file has no image that can be read." if shown is None else shown


def _take_in(source: Path | UploadedFiles, view: DicomView) -> None:
    bar = st.progress(0.0, text="Reading")

    def progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"{done:,} of {total:,} studies")

    options = Options(dicom=view)
    admission: UploadResult = uploaded_studies.add_upload(
        views.workspace(), source, options=options, progress=progress
    )
    bar.empty()
    if admission.visit:
        st.session_state["studies_visit"] = admission.visit
        st.session_state["studies_added"] = (*st.session_state.get("studies_added", ()), admission.visit)
        st.session_state["studies_turn"] = st.session_state.get("studies_turn", 0) + 1
    else:
        st.session_state["studies_refused"] = admission.report
    st.rerun()
