"""All that can be taken away as files: figures, tables, embedding sets, adapters."""

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
from suture.data.vectors.export import export_set
from suture.data.workspace import Record, Workspace, embedding_sets
from suture.pages.components.shell import views
from suture.workflows.adapters import export_adapter

if TYPE_CHECKING:
    import plotly.graph_objects as go

PICTURES: dict[str, dict[str, Any]] = {"SVG": {"format": "svg"}, "PNG": {"format": "png", "scale": 2}}


def offer(
    place: DeltaGenerator,
    label: str,
    content: str | bytes | Callable[[], str | bytes],
    name: str,
    kind: str,
    *,
    key: str,
    **options: Any,
) -> None:
    """A button that hands out a file, which is made on the click if `content` is a function.

    The name ends in a mark of this session and content, as in gap-1f3a9c2e.csv: Streamlit tells large files
    apart by their name, length and parts, and would hand out one file where two differ in between.
    """
    stem, _, ending = name.rpartition(".")
    file = f"{stem}-{_mark(content)}.{ending}"
    place.download_button(label, content, file, kind, key=key, on_click="ignore", **options)


def _mark(content: object) -> str:
    if not isinstance(content, str | bytes):
        return secrets.token_hex(4)
    secret = st.session_state.setdefault("downloads_secret", secrets.token_bytes(16))
    told = content.encode() if isinstance(content, str) else content
    return blake2b(told, key=secret, digest_size=4).hexdigest()


def cached_figure(draw: Callable[..., go.Figure], *told: Any, **options: Any) -> go.Figure:
    """What `draw` makes of values, drawn once for all who look: nobody may change it.

    Building a figure takes longer than all else that a page does for a second look.
    """
    return _drawn(draw, f"{draw.__module__}.{draw.__qualname__}", *told, **options)


@st.cache_resource(
    show_spinner=False, max_entries=256, hash_funcs={"suture.analysis.figures.training.Curve": repr}
)
def _drawn(_draw: Callable[..., go.Figure], name: str, *told: Any, **options: Any) -> go.Figure:
    from suture.analysis.figures.static import StaticFigure  # loads Plotly: not before there is a figure

    return StaticFigure(_draw(*told, **options))


@st.fragment
def show_figure(shown: go.Figure, key: str, name: str, *, alt: str | None = None) -> None:
    """A figure, and under it all that can be taken from it: picture, numbers, the figure itself.

    The menu is made when it is opened: a page has many figures, and few are taken away.

    key  of the chart, and the beginning of those of its widgets; name  of the files, without an ending;
    alt  what the figure shows, in words, for those who cannot see it
    """
    kept = st.session_state.get(f"{key}-picture") or "SVG"
    options = {**PICTURES[kept], "filename": name}
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
        "The camera above the figure saves",
        [*PICTURES],
        default="SVG",
        required=True,
        key=f"{key}-picture",
        persist_state="session",
        help="SVG has no pixels and any program opens it; PNG is twice as fine as the screen.",
    )
    row = st.container(horizontal=True)
    files = (
        ("Numbers (CSV)", "csv", "text/csv", lambda: csv_text(data_of(shown))),
        ("Figure (JSON for Plotly)", "json", "application/json", shown.to_json),
    )
    for label, ending, kind, content in files:
        offer(row, label, content, f"{name}.{ending}", kind, key=f"{key}-{ending}")


def exports(row: DeltaGenerator, record: Record) -> None:
    """The vectors, and the adapter that made them, as files that numpy reads; packed on the click."""
    parts = [("vectors", partial(export_vectors, views.workspace()))]
    if record.meta.adapter is not None:
        parts.append(("adapter", partial(export_adapter, views.workspace())))
    for part, write in parts:
        content = partial(packed, write, record.name)
        file, key = f"{record.name} {part}.npz", f"export-{part}-{record.id}"
        offer(row, f"Export {part}", content, file, "application/octet-stream", key=key)


def export_vectors(workspace: Workspace, name: str, target: Path) -> Path:
    """Made on the click, in a thread that belongs to nobody: it must be told whose workspace."""
    return export_set(embedding_sets.load(workspace, name), target)


def packed(write: Callable[[str, Path], Path], name: str) -> bytes:
    """What an export would write to disk."""
    with tempfile.TemporaryDirectory(prefix="suture-export-") as folder:
        return write(name, Path(folder) / "export.npz").read_bytes()
