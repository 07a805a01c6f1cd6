"""Downloads: figures, tables, embedding sets, adapters."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from suture.analysis.figures import data_of
from suture.analysis.text_tables import csv_text
from suture.data.vectors import prompts
from suture.data.vectors.export import export_set
from suture.data.workspace import SET, Record, Workspace, embedding_sets
from suture.pages.components.shell import views
from suture.workflows.adapters import export_adapter

if TYPE_CHECKING:
    import plotly.graph_objects as go

IMAGE_FORMATS: dict[str, dict[str, Any]] = {"SVG": {"format": "svg"}, "PNG": {"format": "png", "scale": 2}}


def offer_download(
    place: DeltaGenerator,
    label: str,
    content: str | bytes | Callable[[], str | bytes],
    name: str,
    kind: str,
    *,
    key: str,
    **options: Any,
) -> None:
    """A download button; the file is made on the click if `content` is a function.

    The name ends in a hash of session and content, as in gap-1f3a9c2e.csv: Streamlit identifies large files
    by name, length and some of their bytes, and would serve one file for two that differ elsewhere.
    """
    stem, _, ending = name.rpartition(".")
    file = f"{stem}-{_hash(content)}.{ending}"
    place.download_button(label, content, file, kind, key=key, on_click="ignore", **options)


def _hash(content: object) -> str:
    if not isinstance(content, str | bytes):
        return secrets.token_hex(4)
    secret = st.session_state.setdefault("downloads_secret", secrets.token_bytes(16))
    data = content.encode() if isinstance(content, str) else content
    return blake2b(data, key=secret, digest_size=4).hexdigest()


def cached_figure(draw: Callable[..., go.Figure], *arguments: Any, **options: Any) -> go.Figure:
    """The figure that `draw` returns, built once and shared by all sessions: it must not be changed.

    Building figures is the slowest part of showing a page again.
    """
    return _cached_figure(draw, f"{draw.__module__}.{draw.__qualname__}", *arguments, **options)


@st.cache_resource(
    show_spinner=False, max_entries=256, hash_funcs={"suture.analysis.figures.training.Curve": repr}
)
def _cached_figure(_draw: Callable[..., go.Figure], name: str, *arguments: Any, **options: Any) -> go.Figure:
    from suture.analysis.figures.static import StaticFigure  # loads Plotly: not before there is a figure

    return StaticFigure(_draw(*arguments, **options))


@st.fragment
def show_figure(shown: go.Figure, key: str, name: str, *, alt: str | None = None) -> None:
    """A figure with a download menu: image, numbers, and the figure itself as JSON.

    The menu is built when it is opened, because a page has many figures and few are downloaded.

    key  of the chart, and the prefix of those of its widgets; name  of the files, without an extension;
    alt  what the figure shows, for those who cannot see it
    """
    image_format = st.session_state.get(f"{key}-picture") or "SVG"
    options = {**IMAGE_FORMATS[image_format], "filename": name}
    config: dict[str, Any] = {"displaylogo": False, "toImageButtonOptions": options}
    with st.container(gap=None):
        st.plotly_chart(shown, key=key, config=config, alt=alt)
        icon, own = ":material/download:", f"{key}-menu"
        menu = st.popover("Download", icon=icon, type="tertiary", key=own, on_change="rerun")
        if menu.open:
            with menu:
                _menu(shown, key, name)


def _menu(shown: go.Figure, key: str, name: str) -> None:
    st.segmented_control(
        "Image format of the camera button",
        [*IMAGE_FORMATS],
        default="SVG",
        required=True,
        key=f"{key}-picture",
        persist_state="session",
        help="SVG scales to any size; PNG has twice the resolution of the screen.",
    )
    row = st.container(horizontal=True)
    files = (
        ("Numbers (CSV)", "csv", "text/csv", lambda: csv_text(data_of(shown))),
        ("Figure (JSON for Plotly)", "json", "application/json", shown.to_json),
    )
    for label, ending, kind, content in files:
        offer_download(row, label, content, f"{name}.{ending}", kind, key=f"{key}-{ending}")


def export_buttons(row: DeltaGenerator, record: Record) -> None:
    """Buttons that export the vectors, and the adapter that made them, as .npz; written on the click."""
    parts = [("vectors", partial(export_vectors, views.workspace()))]
    if record.meta.adapter is not None:
        parts.append(("adapter", partial(export_adapter, views.workspace())))
    for part, write in parts:
        content = partial(packed_bytes, write, record.name)
        file, key = f"{record.name} {part}.npz", f"export-{part}-{record.id}"
        offer_download(row, f"Export {part}", content, file, "application/octet-stream", key=key)


def export_vectors(workspace: Workspace, name: str, target: Path) -> Path:
    """Runs on the click, in a thread without a session: hence the workspace as an argument."""
    given = prompts.load(workspace.record(SET, name))
    return export_set(embedding_sets.load(workspace, name), target, given)


def packed_bytes(write: Callable[[str, Path], Path], name: str) -> bytes:
    """The bytes that an export writes to disk."""
    with tempfile.TemporaryDirectory(prefix="suture-export-") as folder:
        return write(name, Path(folder) / "export.npz").read_bytes()
