"""The Streamlit side of the linked map: sends URLs to the browser, gets selected study rows back.

The browser owns the selection, so a click sends a few numbers up and no data down. A selection set by the
app (``selected=``) is sent once, as a command, until the browser has confirmed it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from suture.pages.components.linked_map.colouring import Colouring
from suture.pages.components.linked_map.payload import MOST, Cards, Lines, Moment, Panel, pack, rows_of, sent
from suture.pages.components.serving.scripts import script

# In the order in which they are joined: map.js comes last and holds the entry.
_PARTS = (
    "vendor/regl.js",
    "drawing.js",
    "colours.js",
    "paint_canvas.js",
    "paint_webgl.js",
    "density.js",
    "crowding.js",
    "overlay.js",
    "legend.js",
    "download_image.js",
    "study_card.js",
    "hit_testing.js",
    "selection.js",
    "zoom_and_pan.js",
    "click_and_hover.js",
    "keyboard.js",
    "frame_player.js",
    "toolbar.js",
    "fetch_columns.js",
    "panels.js",
    "map.js",
)
_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "suture_linked_map",
    html='<div class="lm" data-painted="0" data-selected="0" data-hover=""></div>',
    css=(_HERE / "map.css").read_text(encoding="utf-8"),
    js=script([_HERE / "js" / part for part in _PARTS]),
)


@dataclass(frozen=True)
class MapSelection:
    """The rows of the studies that are selected in the maps, in ascending order."""

    selected: list[int] = field(default_factory=list)


def linked_map(
    panels: Sequence[Panel],
    *,
    key: str,
    cards: Cards | None = None,
    colours: Colouring | Sequence[Colouring] | None = None,
    moments: Sequence[Moment] = (),
    lines: Lines = "none",
    worst: np.ndarray | None = None,
    height: int = 560,
    start: int = 0,
    most: int = MOST,
    selected: Sequence[int] | None = None,
    on_select: Callable[[], None] | None = None,
) -> MapSelection:
    """Draw one or two maps of the same studies with linked hover, selection, pan and zoom.

    ``colours``: one for all panels, or one per panel on one scale. ``moments`` name the frames of the
    panels; with more than one the maps get a slider and play. ``lines`` joins the points of a study: for
    all studies, for the selected ones or for those in ``worst`` ((n_studies,) of bool). ``start`` is the
    frame to begin on. With more than ``most`` points in view the map shows a density instead of points,
    and says so. ``selected`` sets the selection; None leaves it unchanged.
    ``on_select`` is called without arguments when the selection has changed, before the script runs: with
    it the maps show what ``selected`` says at every run, without it only when its value changes, so that
    passing back the last result is harmless.
    """
    memory = _memory(key)
    shown = selected_rows(key)
    known = cards or Cards()
    whose = known.url or "\n".join(known.studies)
    appears = key not in st.session_state
    memory.listen(shown, selected, of=whose, appears=appears, owned=on_select is not None)
    means = colours or Colouring.by_modality()
    data = pack(
        panels,
        cards=known,
        colours=[means] if isinstance(means, Colouring) else means,
        moments=moments,
        lines=lines,
        worst=worst,
        height=height,
        start=start,
        most=most,
        command=memory.command(),
    )
    _mount(
        key=key,
        data=data,
        height="content",
        on_selected_change=on_select or _nothing,
        on_lost_change=_nothing,  # the server restarted and lost a column: this run adds it again
    )
    valid = [row for row in shown if row < panels[0].n]
    return MapSelection(memory.requested if memory.waiting and memory.requested is not None else valid)


def selected_rows(key: str) -> list[int]:
    """The rows that the map of this key last reported as selected."""
    return rows_of((st.session_state.get(key) or {}).get("selected"))


@dataclass
class _Memory:
    """The selection that the app last set, and whether the browser has yet to confirm it."""

    requested: list[int] | None = None
    before: list[int] = field(default_factory=list)
    of: str = ""
    number: int = 0
    waiting: bool = False

    def listen(
        self, shown: list[int], selected: Sequence[int] | None, *, of: str, appears: bool, owned: bool
    ) -> None:
        """of: the studies that the rows refer to; owned: the app hears every click and sets the selection."""
        requested = None if selected is None else sorted({int(row) for row in selected})
        others = appears or of != self.of  # then the browser no longer has its rows
        pending = self.waiting and requested == self.requested and shown == self.before
        wanted = requested != shown if owned else requested != self.requested
        if requested is not None and (others or (wanted and not pending)):
            self.number += 1
            self.before = shown
            self.waiting = requested != shown or (others and bool(requested))
        elif not pending:  # The browser answered, or the user has clicked since.
            self.waiting = False
        self.requested, self.of = requested, of

    def command(self) -> dict[str, Any] | None:
        if not self.waiting or self.requested is None:
            return None
        return {"number": self.number, **sent(self.requested)}


def _memory(key: str) -> _Memory:
    return st.session_state.setdefault(f"{key}:asked", _Memory())


def _nothing() -> None:
    """Streamlit keeps only the state keys that have a callback."""
