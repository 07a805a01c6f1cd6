"""What the browser needs to turn a dial on its own, packed into one block of bytes.

Layout: uint32 length of the header, the header as JSON, zeros up to a multiple of four, then float32
arrays: for every cloud (n, 6) coefficients, for every hill (n_strengths, n_bins) densities. All words are
made here, for every position, so that the browser only shows them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import blake2b

import numpy as np

from suture.analysis.posthoc.dial_plane import Range


@dataclass(frozen=True)
class Cloud:
    """One modality on the map; coefficients (n, 6) as in `posthoc.dial_plane.Track`."""

    name: str
    shape: str
    colour: str
    coefficients: np.ndarray


@dataclass(frozen=True)
class Hill:
    """One kind of cosine; densities (n_strengths, n_bins) over equal bins from -1 to 1."""

    name: str
    colour: str
    densities: np.ndarray


@dataclass(frozen=True)
class Curve:
    """One number over all strengths; dash as in SVG, "" = a whole line."""

    name: str
    colour: str
    dash: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One number in words: as it is, and at every strength, with the change and what to make of it."""

    title: str
    before: str
    here: tuple[str, ...]
    change: tuple[str, ...]
    verdict: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A dial at all its strengths.

    label of the slider; frame (x range, y range) and axes (two titles) of the map; said: one sentence a
    strength
    """

    label: str
    strengths: tuple[float, ...]
    clouds: tuple[Cloud, ...]
    frame: tuple[Range, Range]
    axes: tuple[str, str]
    hills: tuple[Hill, ...]
    curves: tuple[Curve, ...]
    said: tuple[str, ...]
    rows: tuple[Row, ...]


def pack(picture: Picture, *, start: int = 0) -> bytes:
    """The block of bytes that dial.js unpacks; start: the position at which the dial appears."""
    bulky = [c.coefficients for c in picture.clouds] + [h.densities for h in picture.hills]
    body = b"".join(np.ascontiguousarray(array, dtype="<f4").tobytes() for array in bulky)
    header = {
        "label": picture.label,
        "strengths": picture.strengths,
        "n": len(picture.clouds[0].coefficients),
        "clouds": [{"name": c.name, "shape": c.shape, "colour": c.colour} for c in picture.clouds],
        "frame": picture.frame,
        "axes": picture.axes,
        "bins": np.shape(picture.hills[0].densities)[1],
        "hills": [{"name": h.name, "colour": h.colour} for h in picture.hills],
        "curves": [asdict(c) for c in picture.curves],
        "said": picture.said,
        "rows": [asdict(r) for r in picture.rows],
    }
    text = json.dumps(header, ensure_ascii=False, allow_nan=False)
    digest = blake2b(text.encode() + body, digest_size=12).hexdigest()
    head = json.dumps({"digest": digest, "start": start, **header}, ensure_ascii=False).encode()
    return len(head).to_bytes(4, "little") + head + bytes(-len(head) % 4) + body
