"""Studies offered to the page My studies: what can come, and how it is taken in."""

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
from suture.workflows.neighbours import uploads as newcomers
from suture.workflows.neighbours.uploads import Admission, Uploads

KEPT = (
    "They stay on this machine, apart from your collections, until you discard them. Nothing is trained on "
    "them. Of DICOM files the picture alone is kept, without names or dates."
)
WHAT = "Pictures (PNG, JPEG, TIFF, DICOM …), .txt reports of the same name, a table of reports, or one ZIP"
FILES, FOLDER, HERE = "Files or a ZIP", "A folder", "Folder on this machine"


def add(*, expanded: bool) -> None:
    """The form. What was taken in is shown by the run after."""
    refused = st.session_state.pop("studies_refused", None)
    turn = st.session_state.get("studies_turn", 0)  # a new form, closed, for the next studies
    opened = expanded or refused is not None
    with st.expander("Add studies", icon=":material/add:", expanded=opened, key=f"studies_add_{turn}"):
        how = st.radio("From", access.ways(FILES, FOLDER, HERE), horizontal=True, key="studies_how")
        source = _typed_path() if how == HERE else _uploaded(turn, folder=how == FOLDER)
        view = _seen_so(source, turn)
        st.caption(KEPT)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Show what they are like", type="primary", key="studies_go", disabled=not source):
                _take(source, view)
            intake_report.limits()
        if refused is not None:
            st.error(cards.plain(refused.message), icon=":material/block:")
            intake_report.show(refused, "studies_refused")


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


def _uploaded(turn: int, *, folder: bool) -> Uploads:
    """Files, and a report typed beside a single picture or instead of one."""
    several = "directory" if folder else True
    files = st.file_uploader(WHAT, accept_multiple_files=several, key=f"studies_files_{turn}_{folder}")
    offered = [(file.name, file.getvalue()) for file in files]
    if folder or len(offered) > 1 or (offered and not image_names([offered[0][0]])):
        return offered
    label = "Type or paste its report (optional)" if offered else "Or type or paste a report alone"
    words = st.text_area(label, key=f"studies_words_{turn}", height=100, max_chars=20_000).strip()
    name = PurePosixPath(offered[0][0]).with_suffix(".txt").name if offered else "typed report.txt"
    return [*offered, (name, words.encode())] if words else offered


def _typed_path() -> Path | None:
    path = st.text_input("Path of a folder or ZIP", key="studies_path").strip()
    return Path(path) if path else None


def _seen_so(source: Path | Uploads | None, turn: int) -> DicomView:
    """Frame and window, asked where a DICOM file is offered or may be, with the first file as it will be."""
    offered = [] if source is None or isinstance(source, Path) else source
    found = [(name, content) for name, content in offered if is_dicom(content, name)]
    if not found and not (isinstance(source, Path) or any(n.lower().endswith(".zip") for n, _ in offered)):
        return MIDDLE
    view = dicom_choice.choose(f"studies_{turn}")
    if found:
        name, content = found[0]
        shown = _first(blake2b(content, digest_size=16).hexdigest(), view, _file=(name, content))
        if isinstance(shown, np.ndarray):
            st.image(shown, width=240, caption="The first DICOM file, as it will be taken")
        else:
            st.caption(cards.plain(shown))
    return view


@st.cache_data(show_spinner="Reading the first DICOM file…", max_entries=8, ttl=120)
def _first(content: str, view: DicomView, *, _file: tuple[str, bytes]) -> np.ndarray | str:
    """A file's picture by the reader that will take it, or why there is none."""
    folder = uploads.spool(views.workspace(), [_file])
    try:
        shown = intake.preview(folder, options=Options(unpaired=True, loose=True, dicom=view))
    except UserError as error:
        return error.message
    finally:
        uploads.discard(folder)
    return "The first DICOM file has no picture that can be taken." if shown is None else shown


def _take(source: Path | Uploads, view: DicomView) -> None:
    bar = st.progress(0.0, text="Reading")

    def progress(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), text=f"{done:,} of {total:,} studies")

    options = Options(dicom=view)
    came: Admission = newcomers.admit(views.workspace(), source, options=options, progress=progress)
    bar.empty()
    if came.visit:
        st.session_state["studies_visit"] = came.visit
        st.session_state["studies_added"] = (*st.session_state.get("studies_added", ()), came.visit)
        st.session_state["studies_turn"] = st.session_state.get("studies_turn", 0) + 1
    else:
        st.session_state["studies_refused"] = came.report
    st.rerun()
