"""The Streamlit side of the linked map: bytes out to the browser, selected study rows back.

The browser owns the selection, so a click sends a few numbers up and no data down. A selection that
the app asks for (``selected=``) travels once, as a command, until the browser has answered it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from pages.components.linked_map.payload import Colouring, Lines, Panel, pack

# One module for the browser: the parts share their scope, map.js comes last and holds the entry.
_PARTS = ("draw.js", "legend.js", "card.js", "interaction.js", "map.js")


def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "suture_linked_map",
    html='<div class="lm" data-painted="0" data-selected="0" data-hover=""></div>',
    css=_asset("map.css"),
    js="\n".join(_asset(part) for part in _PARTS),
)


@dataclass(frozen=True)
class MapSelection:
    """The rows of the studies that are selected in the maps, in ascending order."""

    selected: list[int] = field(default_factory=list)


def linked_map(
    panels: Sequence[Panel],
    *,
    studies: Sequence[str],
    key: str,
    thumb_url: str = "",
    captions: Sequence[str] = (),
    colours: Colouring | None = None,
    lines: Lines = "none",
    worst: Sequence[int] = (),
    height: int = 560,
    selected: Sequence[int] | None = None,
    on_select: Callable[[], None] | None = None,
) -> MapSelection:
    """Draw one or two maps of the same studies with linked hover, selection, pan and zoom.

    ``thumb_url`` contains ``{i}``, the row of the study; empty means no images. ``captions`` are
    plain text and are shown as such. ``lines`` joins the points of a study: of all studies, of the
    selected ones or of the rows in ``worst``. ``selected`` asks the maps to show a selection: it
    acts when its value changes and when the map appears, so passing back the last result is
    harmless; None leaves the selection alone. ``on_select`` is called without arguments when the
    selection has changed, before the script runs.
    """
    memory = _memory(key)
    shown = _selection(key)
    memory.listen(shown, selected, appears=key not in st.session_state)
    data = pack(
        panels,
        studies=studies,
        captions=captions,
        thumb_url=thumb_url,
        colours=colours or Colouring.by_modality(),
        lines=lines,
        worst=worst,
        height=height,
        command=memory.command(),
    )
    _mount(key=key, data=data, height="content", on_selected_change=on_select or _nothing)
    return MapSelection(memory.asked if memory.waiting else [row for row in shown if row < len(studies)])


@dataclass
class _Memory:
    """What the app last asked for, and whether the browser has still to answer."""

    asked: list[int] | None = None
    before: list[int] = field(default_factory=list)
    number: int = 0
    waiting: bool = False

    def listen(self, shown: list[int], selected: Sequence[int] | None, *, appears: bool) -> None:
        asked = None if selected is None else sorted({int(row) for row in selected})
        if asked is not None and (appears or asked != self.asked):
            self.number += 1
            self.before = shown
            self.waiting = asked != shown
        elif shown != self.before:  # The browser answered, or the user has clicked since.
            self.waiting = False
        self.asked = asked
        self.waiting = self.waiting and asked is not None

    def command(self) -> dict | None:
        return {"number": self.number, "rows": self.asked} if self.waiting else None


def _memory(key: str) -> _Memory:
    return st.session_state.setdefault(f"{key}:asked", _Memory())


def _selection(key: str) -> list[int]:
    state = st.session_state.get(key) or {}
    return sorted({int(row) for row in state.get("selected") or ()})


def _nothing() -> None:
    """Streamlit keeps only the state keys that have a callback."""
