"""The form that adds a checkpoint: a weights file with a recognised architecture, or a published one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import streamlit as st

from suture import jobs
from suture.data.errors import UserError
from suture.data.files import uploads
from suture.data.files.names import full_path
from suture.data.weights import SUFFIXES
from suture.data.workspace import CHECKPOINT, check_name
from suture.pages.components import access
from suture.pages.components.access import incidents
from suture.pages.components.cards import cards
from suture.pages.components.shell import views
from suture.workflows.job_kinds import AddCheckpointJob, RecogniseJob

PRIVATE = (
    "Only tensors are read, never code, in a separate process with limits, and stored as safetensors. "
    "Weights trained on patient data are patient data: share them only as you would share the studies."
)
EXTENSIONS = [suffix.removeprefix(".") for suffix in SUFFIXES]
Arguments = dict[str, Any]  # of the job that adds it


def show() -> None:
    """The form. It starts a job, which the page shows above."""
    with st.expander("Add a checkpoint", icon=":material/add:"):
        st.caption(PRIVATE)
        ways = access.ways("Upload", "File on this machine", "open_clip", "Hugging Face hub")
        how = st.radio("From", ways, horizontal=True, key="ck_how")
        arguments = FORMS[str(how)]()
        name = st.text_input("Name", key="ck_name").strip()
        ready = bool(name and arguments)
        if st.button("Check and add", type="primary", key="ck_go", disabled=not ready) and arguments:
            _start(AddCheckpointJob(name=name, **arguments))


def _upload() -> Arguments | None:
    """A weights file, copied to disk at once; the file it replaces is deleted."""
    turn = st.session_state.get("ck_turn", 0)  # a new form for the next file
    file = st.file_uploader("Weights", type=EXTENSIONS, key=f"ck_file_{turn}")
    before, folder = st.session_state.get("ck_upload", ("", ""))
    current = file.file_id if file else ""
    if current != before:
        if folder:
            uploads.discard(Path(folder))
        folder = str(uploads.spool(views.workspace(), [(file.name, file)])) if file else ""
        st.session_state["ck_upload"] = (current, folder)
    if file is None:
        return None
    ((label, path),) = uploads.spooled_files(Path(folder))
    architecture = _confirmed(str(path), label)
    if not architecture:
        return None
    return {"source": folder, "location": str(path), "label": label, "architecture": architecture}


def _path() -> Arguments | None:
    """A file or folder on this machine. Weights need an architecture; a config or a folder names its own."""
    location = st.text_input("Weights, config .json or folder", key="ck_path").strip()
    if not location:
        return None
    path = full_path(location)
    if not path.is_file() or path.suffix.lower() not in SUFFIXES:
        return {"location": str(path)}
    own = st.text_input("Its config .json, unless open_clip has it", key="ck_arch").strip()
    architecture = own or _confirmed(str(path), path.name)
    return {"location": str(path), "architecture": architecture} if architecture else None


def _open_clip() -> Arguments:
    names = _architectures()
    start = names.index("ViT-B-32") if "ViT-B-32" in names else 0
    location = st.selectbox("Architecture", names, index=start, key="ck_model")
    hint = "An unknown tag lists the known ones."
    tag = st.text_input("Pretrained tag", "laion2b_s34b_b79k", key="ck_tag", help=hint).strip()
    return {"location": location, "pretrained": tag, "download": _download()}


def _hub() -> Arguments | None:
    name = st.text_input("owner/name", key="ck_hub").strip()
    download = _download()
    return {"location": f"hf-hub:{name}", "download": download} if name else None


def _download() -> bool:
    return st.checkbox("Allow download from the hub", key="ck_download")


FORMS = {
    "Upload": _upload,
    "File on this machine": _path,
    "open_clip": _open_clip,
    "Hugging Face hub": _hub,
}


def _confirmed(location: str, label: str) -> str | None:
    """The architecture that the user confirms; those that fit come first."""
    job = _recognise(location, label)
    if job.state in jobs.ACTIVE:
        st.fragment(_wait, run_every=1.0)(job.id)
        return None
    if job.result is None:
        st.error(cards.escape(job.message), icon=":material/block:")
        return None
    st.info(cards.escape(job.message), icon=":material/schema:")
    candidates = {c["architecture"]: c for c in job.result["candidates"]}
    options = [*dict.fromkeys([*candidates, *_architectures()])]

    def label_of(name: str) -> str:
        return f"{name}: {_fit(candidates[name])}" if name in candidates else name

    return st.selectbox("Architecture", options, format_func=label_of, key=f"ck_confirmed_{job.id}")


def _fit(candidate: dict[str, Any]) -> str:
    size = f"{candidate['parameters'] / 1e6:,.1f} M parameters"
    return f"fits exactly, {size}" if candidate["exact"] else f"{candidate['distance']:,} tensors differ"


def _recognise(location: str, label: str) -> jobs.Job:
    """The job that reads names and shapes of this very file, arguments for once."""
    changed = Path(location).stat().st_mtime_ns
    started: dict[tuple[str, int], str] = st.session_state.setdefault("ck_guesses", {})
    job = jobs.job(views.workspace(), started.get((location, changed), ""))
    if job is None:
        request = RecogniseJob(location, label)
        started[location, changed] = jobs.start(views.workspace(), request)
        job = jobs.job(views.workspace(), started[location, changed])
    assert job is not None
    return job


def _wait(job_id: str) -> None:
    """Poll until the job ends."""
    st.caption("Reading tensor names and shapes…")
    job = jobs.job(views.workspace(), job_id)
    if job is None or job.state not in jobs.ACTIVE:
        st.rerun()


def _start(request: AddCheckpointJob) -> None:
    """Queue the job, which then owns the upload, and empty the form."""
    try:
        check_name(request.name)
        views.workspace().refuse_taken(CHECKPOINT, request.name)
    except UserError as error:
        st.error(cards.escape(error.message), icon=":material/block:")
        return
    incidents.note("start.checkpoint", job=jobs.start(views.workspace(), request))
    if request.source:
        st.session_state.pop("ck_upload", None)
        st.session_state["ck_turn"] = st.session_state.get("ck_turn", 0) + 1
    st.rerun()


@st.cache_data(show_spinner=False)
def _architectures() -> list[str]:
    """Names of open_clip's configs, without importing it (and torch with it)."""
    package = importlib.util.find_spec("open_clip")
    if package is None or package.origin is None:
        return []
    return sorted(p.stem for p in (Path(package.origin).parent / "model_configs").glob("*.json"))
