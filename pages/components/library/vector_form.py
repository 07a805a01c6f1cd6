"""The form that imports existing vectors; it needs no model."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.data.files import uploads
from suture.data.intake.report import IntakeReport
from suture.data.vectors import import_vectors
from suture.data.workspace import Record
from suture.pages.components.shell import views

FORMATS = (
    "One .npz with an array (n_studies, dim) for each modality, two or more .npy, a Parquet file with list "
    "columns, a CSV with columns image_0, image_1, …, or a .pt with a dict of tensors. Arrays named ids, "
    "group, split, caption_group describe the rows; prompts and prompt_vectors allow zero-shot. Everything "
    "is read in a separate process with limits."
)
TYPES = ["npz", "npy", "parquet", "pq", "csv", "tsv", "gz", "pt", "pth"]
NO_COLLECTION = "no collection"


def show(collections: list[Record], done: Callable[[IntakeReport], None]) -> None:
    """The form; `done` gets the intake report."""
    with st.expander("Add existing vectors", icon=":material/add:"):
        st.caption(FORMATS)
        files = st.file_uploader("Vectors", type=TYPES, accept_multiple_files=True, key="vector_files")
        owner = st.selectbox(
            "Collection of these vectors", [NO_COLLECTION, *(c.name for c in collections)], key="vector_owner"
        )
        name = st.text_input("Name", key="vector_name").strip()
        if st.button("Import", type="primary", key="vector_go", disabled=not (files and name)):
            place = st.empty()
            report = _import(files, name, "" if owner == NO_COLLECTION else owner, place)
            place.empty()
            done(report)


def _import(files: list, name: str, collection: str, place: DeltaGenerator) -> IntakeReport:
    def progress(share: float, stage: str) -> None:
        place.progress(share, text=stage)

    progress(0.0, "Saving the files")
    folder = uploads.spool(views.workspace(), ((file.name, file) for file in files))
    try:
        return import_vectors(
            views.workspace(),
            [folder],
            name,
            collection=collection,
            progress=progress,
        )
    finally:
        uploads.discard(folder)
