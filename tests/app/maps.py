"""What a page sends to its maps, as the browser would find it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from suture.pages.components.serving.columns import KEPT


def shown(app: AppTest) -> list[dict[str, Any]]:
    """The data of every linked map on the page."""
    components = [c.proto for c in app.get("bidi_component")]
    return [json.loads(c.json) for c in components if c.component_name == "suture_linked_map"]


def column(address: str, dtype: str) -> np.ndarray:
    """The content of a column."""
    content = KEPT.get(address.removeprefix("/column/").removesuffix(".bin"))
    assert content is not None
    return np.frombuffer(content, dtype)


def places(data: dict[str, Any], panel: int = 0) -> np.ndarray:
    """(n_frames, n_modalities, n_studies, 2) places of a panel as the browser decodes them; NaN = missing."""
    drawn = data["panels"][panel]
    steps = column(drawn["xy"], "<u2").reshape(len(data["frames"]), len(drawn["modalities"]), data["n"], 2)
    return np.where(steps == 65_535, np.nan, steps / 65_534 * 2 - 1)


def marks(address: str, *shape: int) -> np.ndarray:
    """Packed bits as booleans."""
    return np.unpackbits(column(address, "u1"))[: int(np.prod(shape))].astype(bool).reshape(shape)
