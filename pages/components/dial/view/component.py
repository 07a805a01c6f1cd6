"""The Streamlit side of the dial: everything out to the browser once, the resting strength back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from suture.pages.components.dial.view.payload import Picture, pack
from suture.pages.components.serving.scripts import script

_HERE = Path(__file__).parent
# dial.js comes last and holds the entry.
_MAP = _HERE.parents[1] / "linked_map"
_PARTS = (_MAP / "draw.js", _MAP / "paint_canvas.js", _HERE / "charts.js", _HERE / "dial.js")

_mount = st.components.v2.component(
    "suture_dial",
    html='<div class="gd"></div>',
    css=(_HERE / "dial.css").read_text(encoding="utf-8"),
    js=script(_PARTS),
)


def dial_view(picture: Picture, *, key: str, start: float = 0.0) -> int:
    """Draw the dial; returns the position where the hand rests, a place in `picture.strengths`.

    `start` is the strength at which it appears; afterwards the browser owns the hand, and a move sends
    one number up and nothing down.
    """
    if key not in st.session_state:
        st.session_state[f"{key}:start"] = start
    first = nearest(picture, st.session_state[f"{key}:start"])
    default = {"strength": picture.strengths[first]}
    state = _mount(key=key, data=pack(picture, start=first), default=default, on_strength_change=_nothing)
    return nearest(picture, state["strength"])


def nearest(picture: Picture, strength: float) -> int:
    """The position closest to a strength: an address may name any."""
    return int(np.abs(np.asarray(picture.strengths) - strength).argmin())


def _nothing() -> None:
    """Streamlit keeps only the state keys that have a callback."""
