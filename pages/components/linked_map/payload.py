"""What the browser needs for a linked map, packed into one block of bytes.

Layout: uint32 length of the header, the header as JSON, zeros up to a multiple of four, then
float32 arrays: for every panel and modality ``(n_studies, 2)``, and ``(n_studies,)`` for the
colouring. Coordinates travel in the frame of the drawing: centred, the longer half side is 1,
aspect kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np

Lines = Literal["none", "all", "selected", "worst"]

SHAPES = ("triangle", "diamond", "circle", "square")
LINES = ("none", "all", "selected", "worst")

# Okabe and Ito's colour-blind-safe set without black; the yellow is deepened to show on white.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A800", "#7E6BB5")
# Plasma without its darkest and lightest ends, so that it reads on light and on dark pages.
RAMP = ("#5B1FB0", "#8F2AAE", "#BC3A8B", "#DB5C68", "#F08A47", "#F5B52E")


@dataclass(frozen=True)
class Panel:
    """One map: a row of points per modality, all in the order of the studies.

    ``xy`` holds one ``(n_studies, 2)`` array per modality; a study without it is a row of NaN.
    ``frame`` (x_min, y_min, x_max, y_max) fixes the part of the plane that fills the panel; without
    it the points' own extent does. Give a frame when maps of different moments are to be compared.
    """

    title: str
    accent: str
    modalities: Sequence[str]
    shapes: Sequence[str]
    xy: Sequence[np.ndarray]
    frame: tuple[float, float, float, float] | None = None
    greyed: Sequence[np.ndarray] = ()

    def __post_init__(self) -> None:
        if not len(self.modalities) == len(self.shapes) == len(self.xy) > 0:
            raise ValueError(
                f"Panel {self.title!r}: expected one shape and one coordinate array per modality, "
                f"got {len(self.modalities)} modalities, {len(self.shapes)} shapes, "
                f"{len(self.xy)} arrays."
            )
        unknown = [shape for shape in self.shapes if shape not in SHAPES]
        if unknown:
            raise ValueError(f"Unknown shape: {unknown[0]}. Must be one of: {list(SHAPES)}")


@dataclass(frozen=True)
class Colouring:
    """What colour means. Build it with ``by_category``, ``by_value`` or ``by_modality``."""

    mode: Literal["category", "value", "modality"]
    name: str = ""
    values: np.ndarray | None = None
    names: Sequence[str] = ()
    palette: Sequence[str] = PALETTE
    low: float = 0.0
    high: float = 1.0
    ramp: Sequence[str] = RAMP

    @classmethod
    def by_category(
        cls,
        codes: np.ndarray,
        names: Sequence[str],
        *,
        name: str = "",
        palette: Sequence[str] = PALETTE,
    ) -> Colouring:
        """One colour per category; a code without a name is drawn grey, as missing."""
        values = np.asarray(codes, dtype=np.float32).copy()
        values[~((values >= 0) & (values < len(names)))] = np.nan
        return cls("category", name, values, tuple(names), tuple(palette))

    @classmethod
    def by_value(
        cls,
        values: np.ndarray,
        *,
        name: str = "",
        low: float | None = None,
        high: float | None = None,
        ramp: Sequence[str] = RAMP,
    ) -> Colouring:
        """A ramp from ``low`` to ``high`` (by default the values' range); NaN is drawn grey."""
        values = np.asarray(values, dtype=np.float32)
        known = values[np.isfinite(values)]
        if low is None:
            low = float(known.min()) if known.size else 0.0
        if high is None:
            high = float(known.max()) if known.size else 1.0
        return cls("value", name, values, low=float(low), high=float(high), ramp=tuple(ramp))

    @classmethod
    def by_label(cls, values: Sequence[str], *, name: str = "") -> Colouring:
        """A ramp for more than eight different numbers, else the eight commonest values; "" = grey."""
        filled = [v for v in values if v != ""]
        if len(set(filled)) > len(PALETTE) and all(_is_number(v) for v in filled):
            return cls.by_value(np.asarray([float(v) if v else np.nan for v in values]), name=name)
        usual = [value for value, _ in Counter(filled).most_common(len(PALETTE))]
        place = {value: i for i, value in enumerate(usual)}
        return cls.by_category(np.asarray([place.get(v, -1) for v in values]), usual, name=name)

    @classmethod
    def by_modality(cls, *, palette: Sequence[str] = PALETTE) -> Colouring:
        """One colour per modality, in the order in which the panels name them."""
        return cls("modality", "Modality", palette=tuple(palette))


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def pack(
    panels: Sequence[Panel],
    *,
    studies: Sequence[str],
    captions: Sequence[str],
    thumb_url: str,
    colours: Colouring,
    lines: Lines,
    worst: Sequence[int],
    height: int,
    command: dict | None = None,
) -> bytes:
    """The block of bytes that map.js unpacks; ValueError for arrays that do not fit the studies."""
    n = len(studies)
    if len(panels) not in (1, 2):
        raise ValueError(f"Expected one or two panels, got {len(panels)}.")
    if captions and len(captions) != n:
        raise ValueError(f"Expected one caption per study ({n}) or none, got {len(captions)}.")
    if lines not in LINES:
        raise ValueError(f"Unknown lines: {lines}. Must be one of: {list(LINES)}")
    framed = [_framed(panel, n) for panel in panels]
    arrays = [array for own, _ in framed for array in own]
    if colours.values is not None:
        if colours.values.shape != (n,):
            raise ValueError(f"Expected one colour value per study ({n},), got {colours.values.shape}.")
        arrays.append(colours.values)
    body = b"".join(np.ascontiguousarray(array, dtype="<f4").tobytes() for array in arrays)
    header = {
        "n": n,
        "panels": [
            {
                "title": panel.title,
                "accent": panel.accent,
                "modalities": list(panel.modalities),
                "shapes": list(panel.shapes),
                "reach": reach,
                "greyed": [np.flatnonzero(rows).tolist() for rows in panel.greyed],
            }
            for panel, (_, reach) in zip(panels, framed, strict=True)
        ],
        "studies": list(map(str, studies)),
        "captions": list(captions),
        "thumb": thumb_url,
        "colour": {
            "mode": colours.mode,
            "name": colours.name,
            "names": list(colours.names),
            "palette": list(colours.palette),
            "low": colours.low,
            "high": colours.high,
            "ramp": list(colours.ramp),
        },
        "lines": lines,
        "worst": [int(row) for row in worst],
        "height": int(height),
    }
    # The browser repaints only when this digest changes; a command (a selection) is no part of it.
    text = json.dumps(header, ensure_ascii=False)
    digest = blake2b(text.encode() + body, digest_size=12).hexdigest()
    head = json.dumps({"digest": digest, "command": command, **header}, ensure_ascii=False).encode()
    return len(head).to_bytes(4, "little") + head + bytes(-len(head) % 4) + body


def _framed(panel: Panel, n: int) -> tuple[list[np.ndarray], list[float]]:
    """The panel's arrays in its frame, and the frame's half sides, the longer of which is 1."""
    arrays = [np.asarray(array, dtype=np.float64) for array in panel.xy]
    for modality, array in zip(panel.modalities, arrays, strict=True):
        if array.shape != (n, 2):
            raise ValueError(
                f"Panel {panel.title!r}, {modality}: expected coordinates of shape ({n}, 2), "
                f"got {array.shape}."
            )
    if panel.frame is not None:
        low, high = np.array(panel.frame[:2], dtype=float), np.array(panel.frame[2:], dtype=float)
    else:
        every = np.concatenate(arrays)
        every = every[np.isfinite(every).all(axis=1)]
        low, high = (every.min(axis=0), every.max(axis=0)) if len(every) else (-np.ones(2), np.ones(2))
    half = float((high - low).max()) / 2 or 1.0
    moved = [(array - (low + high) / 2) / half for array in arrays]
    return moved, ((high - low) / 2 / half).tolist()
