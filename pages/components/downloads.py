"""What is shown as files to take away: figures, embedding sets, adapters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis.figures import data_of
from analysis.tables import csv_text
from data import embeddings
from data.export import export_set
from data.workspace import Record
from models.adapters import export_adapter
from pages.components import views

if TYPE_CHECKING:
    import plotly.graph_objects as go

PICTURES = {"SVG": {"format": "svg"}, "PNG": {"format": "png", "scale": 2}}


@st.fragment
def figure(drawn: go.Figure, key: str, name: str, *, alt: str | None = None) -> None:
    """A figure, and under it all that can be taken from it: picture, numbers, the figure itself.

    key  of the chart, and the beginning of those of its widgets; name  of the files, without an ending;
    alt  what the figure shows, in words, for those who cannot see it
    """
    kept = st.session_state.get(f"{key}-picture") or "SVG"
    options = {**PICTURES[kept], "filename": name}
    config: dict[str, Any] = {"displaylogo": False, "toImageButtonOptions": options}
    with st.container(gap=None):
        st.plotly_chart(drawn, key=key, config=config, alt=alt)
        with st.popover("Download", icon=":material/download:", type="tertiary", key=f"{key}-menu"):
            _menu(drawn, key, name)


def _menu(drawn: go.Figure, key: str, name: str) -> None:
    st.segmented_control(
        "The camera above the figure saves",
        [*PICTURES],
        default="SVG",
        required=True,
        key=f"{key}-picture",
        help="SVG has no pixels and any program opens it; PNG is twice as fine as the screen.",
    )
    row = st.container(horizontal=True)
    files = (
        ("Numbers (CSV)", "csv", "text/csv", lambda: csv_text(data_of(drawn))),
        ("Figure (JSON for Plotly)", "json", "application/json", drawn.to_json),
    )
    for label, ending, kind, content in files:
        row.download_button(
            label, content, f"{name}.{ending}", kind, key=f"{key}-{ending}", on_click="ignore"
        )


def exports(row: DeltaGenerator, record: Record) -> None:
    """The vectors, and the adapter that made them, as files that numpy reads; packed on the click."""
    parts = [("vectors", export_vectors)]
    if "adapter" in record.meta:
        parts.append(("adapter", partial(export_adapter, views.workspace())))
    for part, write in parts:
        row.download_button(
            f"Export {part}",
            partial(packed, write, record.name),
            f"{record.name} {part}.npz",
            "application/octet-stream",
            key=f"export-{part}-{record.id}",
            on_click="ignore",
        )


def export_vectors(name: str, target: Path) -> Path:
    return export_set(embeddings.load(views.workspace(), name), target)


def packed(write: Callable[[str, Path], Path], name: str) -> bytes:
    """What an export would write to disk."""
    with tempfile.TemporaryDirectory(prefix="suture-export-") as folder:
        return write(name, Path(folder) / "export.npz").read_bytes()
