"""Add vectors that somebody already has: no model is needed."""

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
    "One .npz with an array (n_studies, dim) for each modality, two or more .npy, or a Parquet file with "
    "list columns. Arrays named ids, group, split, caption_group describe the rows. Everything is read in a "
    "process of its own with limits."
)
NONE = "no collection"


def add(collections: list[Record], done: Callable[[IntakeReport], None]) -> None:
    """The form; `done` gets what became of the files."""
    with st.expander("Add vectors that I already have", icon=":material/add:"):
        st.caption(FORMATS)
        files = st.file_uploader(
            "Vectors", type=["npz", "npy", "parquet"], accept_multiple_files=True, key="vector_files"
        )
        owner = st.selectbox("Belong to", [NONE, *(c.name for c in collections)], key="vector_owner")
        name = st.text_input("Name", key="vector_name").strip()
        if st.button("Take in", type="primary", key="vector_go", disabled=not (files and name)):
            place = st.empty()
            report = _taken(files, name, "" if owner == NONE else owner, place)
            place.empty()
            done(report)


def _taken(files: list, name: str, collection: str, place: DeltaGenerator) -> IntakeReport:
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
