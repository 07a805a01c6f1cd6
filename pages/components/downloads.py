"""Embedding sets and adapters as files to take away."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streamlit.delta_generator import DeltaGenerator

from data import embeddings
from data.export import export_set
from data.workspace import Record
from models.adapters import export_adapter
from pages.components import views

# Of every Plotly figure: its camera button saves a vector file, which any program turns into others.
FIGURE = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


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
