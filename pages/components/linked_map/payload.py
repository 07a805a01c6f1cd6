"""The data of linked maps for the browser: text and URLs as JSON, numbers as columns over HTTP.

Columns (little-endian): coordinates uint16 (n_frames, n_modalities, n_studies, 2), 65535 = missing, else
v / 65534 * 2 - 1 in the drawing's own frame: centred, longer half side 1, aspect ratio kept, y upwards.
Four bytes a point: at the largest zoom (80) one step is less than a pixel on a map 800 pixels wide.
Colour uint8 or float32 (n_studies,); marks packed bits, (n_modalities, n_studies) or (n_studies,).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np

from suture.analysis.projection import Region
from suture.pages.components.linked_map.colouring import Colouring
from suture.pages.components.serving.columns import address

Lines = Literal["none", "all", "selected", "worst"]
Extent = tuple[float, float, float, float]

SHAPES = ("triangle", "diamond", "circle", "square")
LINES = ("none", "all", "selected", "worst")
STEPS = 65_534  # positions along the longer side
MISSING = 65_535
MOST = 200_000  # points in view that are drawn individually; more would take seconds without a GPU
LISTED = 2_000  # more rows than this are sent as a bit mask


@dataclass(frozen=True)
class Panel:
    """One map: for each frame and modality an (n_studies, 2) array; NaN where a study lacks the modality.

    ``frames`` are states of the same studies (epochs; or A, then B), usually one. ``extent`` (x_min,
    y_min, x_max, y_max) fixes the part of the plane that fills the panel; without it the points' own
    extent does. ``greyed``: per modality (n_studies,) of bool. ``regions``: names to write on the map.
    """

    title: str
    accent: str
    modalities: Sequence[str]
    shapes: Sequence[str]
    frames: Sequence[Sequence[np.ndarray]]
    extent: Extent | None = None
    greyed: Sequence[np.ndarray] = ()
    regions: Sequence[Region] = ()

    def __post_init__(self) -> None:
        lengths = {len(self.modalities), len(self.shapes), *map(len, self.frames)}
        if not self.frames or len(lengths) > 1 or lengths == {0}:
            raise ValueError(
                f"Panel {self.title!r}: expected one shape and in each frame one coordinate array per "
                f"modality, got {len(self.modalities)} modalities, {len(self.shapes)} shapes, "
                f"{[len(arrays) for arrays in self.frames]} arrays."
            )
        unknown = [shape for shape in self.shapes if shape not in SHAPES]
        if unknown:
            raise ValueError(f"Unknown shape: {unknown[0]}. Must be one of: {list(SHAPES)}")

    @property
    def n(self) -> int:
        """Number of studies."""
        return len(self.frames[0][0])


@dataclass(frozen=True)
class Moment:
    """The name of a frame ("epoch 3") and a note. Plain text."""

    name: str
    note: str = ""


@dataclass(frozen=True)
class Cards:
    """Details of single studies: URLs in which ``{i}`` stands for the row, or the text itself.

    ``url`` returns {"id", "text", "facts"}; ``thumb`` is an image. All plain text.
    """

    url: str = ""
    thumb: str = ""
    studies: Sequence[str] = ()
    captions: Sequence[str] = ()


def pack(
    panels: Sequence[Panel],
    *,
    cards: Cards,
    colours: Sequence[Colouring],
    moments: Sequence[Moment] = (),
    lines: Lines = "none",
    worst: np.ndarray | None = None,
    height: int = 560,
    start: int = 0,
    most: int = MOST,
    command: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The data of the component; ValueError for arrays that do not fit each other."""
    n = _checked(panels, cards, colours, moments, lines, worst)
    means = [_colour(one) for one in colours]
    data = {
        "n": n,
        "height": int(height),
        "lines": lines,
        "most": int(most),
        "mask": {"worst": None if worst is None else address(np.packbits(worst))},
        "panels": [_panel(panel) for panel in panels],
        "frames": [asdict(m) for m in moments] or [{"name": "", "note": ""}],
        "frame": int(start),
        "colour": means[0],
        "colours": means if len(means) > 1 else None,
        "cards": {
            **asdict(cards),
            "studies": [*cards.studies] or None,
            "captions": [*cards.captions] or None,
        },
    }
    # The browser redraws only when this digest changes; a command (a selection) is not part of it.
    digest = blake2b(json.dumps(data, ensure_ascii=False).encode(), digest_size=12).hexdigest()
    return {"digest": digest, "command": command, **data}


def _checked(
    panels: Sequence[Panel],
    cards: Cards,
    colours: Sequence[Colouring],
    moments: Sequence[Moment],
    lines: str,
    worst: np.ndarray | None,
) -> int:
    """Check that all arrays fit each other; returns the number of studies."""
    if len(panels) not in (1, 2):
        raise ValueError(f"Expected one or two panels, got {len(panels)}.")
    n, count = panels[0].n, len(panels[0].frames)
    of = [len(panel.frames) for panel in panels]
    if {*of} != {count} or (len(moments) != count and (moments or count > 1)):
        raise ValueError(f"Expected one moment per frame, got {len(moments)} moments, {of} frames.")
    if lines not in LINES:
        raise ValueError(f"Unknown lines: {lines}. Must be one of: {list(LINES)}")
    if len(colours) not in (1, len(panels)):
        raise ValueError(f"Expected one colouring, or one per panel, got {len(colours)}.")
    parts: list[tuple[str, Sequence[object] | np.ndarray]] = [
        ("study name", cards.studies or [""] * n),
        ("caption", cards.captions or [""] * n),
        *(("colour value", c.values) for c in colours if c.values is not None),
        *(("mark", marks) for panel in panels for marks in panel.greyed),
        *([("mark", worst)] if worst is not None else []),
    ]
    for what, of_studies in parts:
        if len(of_studies) != n:
            raise ValueError(f"Expected one {what} per study ({n}) or none, got {len(of_studies)}.")
    return n


def _colour(one: Colouring) -> dict[str, Any]:
    words = {key: value for key, value in vars(one).items() if key != "values"}
    listed = {key: [*words[key]] for key in ("names", "palette", "ramp")}
    return {**words, **listed, "url": None if one.values is None else address(one.values)}


def _panel(panel: Panel) -> dict[str, Any]:
    places, reach = _framed(panel)
    return {
        "title": panel.title,
        "accent": panel.accent,
        "modalities": [*panel.modalities],
        "shapes": [*panel.shapes],
        "reach": reach,
        "xy": address(places.values),
        "grey": address(np.packbits(np.stack(panel.greyed))) if len(panel.greyed) else None,
        "regions": [{**asdict(r), **places.of(r.x, r.y)} for r in panel.regions],
    }


@dataclass(frozen=True)
class _Places:
    values: np.ndarray
    middle: np.ndarray
    half: float

    def of(self, x: float, y: float) -> dict[str, float]:
        moved = (np.array([x, y]) - self.middle) / self.half
        return {"x": float(moved[0]), "y": float(moved[1])}


def _framed(panel: Panel) -> tuple[_Places, list[float]]:
    """The panel's coordinates in its frame, and the frame's half sides (the longer is 1)."""
    for arrays in panel.frames:
        for modality, array in zip(panel.modalities, arrays, strict=True):
            if np.shape(array) != (panel.n, 2):
                raise ValueError(
                    f"Panel {panel.title!r}, {modality}: expected coordinates of shape ({panel.n}, 2), "
                    f"got {np.shape(array)}."
                )
    low, high = _corners(panel)
    half, middle = float((high - low).max()) / 2 or 1.0, (low + high) / 2
    values = np.empty((len(panel.frames), len(panel.modalities), panel.n, 2), np.uint16)
    for frame, arrays in enumerate(panel.frames):
        for row, array in enumerate(arrays):
            for axis, column in enumerate(np.asarray(array, np.float64).T):  # by column: copies little
                steps = np.clip((column - middle[axis]) / half / 2 + 0.5, 0, 1) * STEPS
                with np.errstate(invalid="ignore"):  # missing points are set below
                    values[frame, row, :, axis] = np.rint(steps, out=steps)
            values[frame, row, ~_there(array)] = MISSING
    return _Places(values, middle, half), ((high - low) / 2 / half).tolist()


def _corners(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """The lower left and upper right corner of the visible extent."""
    if panel.extent is not None:
        return np.array(panel.extent[:2], dtype=float), np.array(panel.extent[2:], dtype=float)
    ends = []
    for array in (array for arrays in panel.frames for array in arrays):
        there = _there(array)
        shown = array if there.all() else array[there]
        if len(shown):
            ends.append([[column.min(), column.max()] for column in np.asarray(shown).T])
    if not ends:
        return -np.ones(2), np.ones(2)
    return np.min(ends, axis=0)[:, 0].astype(float), np.max(ends, axis=0)[:, 1].astype(float)


def _there(array: np.ndarray) -> np.ndarray:
    """(n_studies,) bool: whether a study has coordinates."""
    x, y = np.asarray(array).T
    return np.isfinite(x) & np.isfinite(y)


def rows_of(sent: object) -> list[int]:
    """The rows that the browser sent, ascending: a list, or {"bits": base64 of packed bits}."""
    if isinstance(sent, dict):
        bits = np.frombuffer(base64.b64decode(str(sent.get("bits", ""))), dtype=np.uint8)
        return np.flatnonzero(np.unpackbits(bits)).tolist()
    return sorted({int(row) for row in sent}) if isinstance(sent, list | tuple) else []


def sent(rows: Sequence[int]) -> dict[str, Any]:
    """Rows as sent to the browser: a list, or a bit mask if there are many."""
    if len(rows) <= LISTED:
        return {"rows": [*map(int, rows)]}
    marks = np.zeros(max(rows) + 1, bool)
    marks[np.asarray(rows)] = True
    return {"bits": base64.b64encode(np.packbits(marks).tobytes()).decode()}
