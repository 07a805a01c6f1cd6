"""The Streamlit side of the dial: sends everything to the browser once, gets the chosen strength back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from suture.pages.components.dial.view.payload import DialContent, pack
from suture.pages.components.serving.scripts import script

_HERE = Path(__file__).parent
# dial.js comes last and holds the entry.
_MAP = _HERE.parents[1] / "linked_map/js"
_PARTS = (_MAP / "drawing.js", _MAP / "paint_canvas.js", _HERE / "charts.js", _HERE / "dial.js")

_mount = st.components.v2.component(
    "suture_dial",
    html='<div class="gd"></div>',
    css=(_HERE / "dial.css").read_text(encoding="utf-8"),
    js=script(_PARTS),
)


def dial_view(content: DialContent, *, key: str, start: float = 0.0) -> int:
    """Draw the dial; returns the index in `content.strengths` where the slider stopped.

    `start` is the strength at which it appears; afterwards the browser owns the slider, and a move sends
    one number up and nothing down.
    """
    if key not in st.session_state:
        st.session_state[f"{key}:start"] = start
    first = nearest(content, st.session_state[f"{key}:start"])
    default = {"strength": content.strengths[first]}
    state = _mount(key=key, data=pack(content, start=first), default=default, on_strength_change=_nothing)
    return nearest(content, state["strength"])


def nearest(content: DialContent, strength: float) -> int:
    """The index of the closest strength: an address may hold any number."""
    return int(np.abs(np.asarray(content.strengths) - strength).argmin())


def _nothing() -> None:
    """Streamlit keeps only the state keys that have a callback."""
