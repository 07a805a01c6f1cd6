"""What the browser needs to run the dial on its own, packed into one block of bytes.

Layout: uint32 length of the header, the header as JSON, zeros up to a multiple of four, then float32
arrays: for every cloud (n, 6) coefficients, for every density (n_strengths, n_bins) values. All words are
made here, for every strength, so that the browser only shows them.
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
class Density:
    """One kind of cosine; values (n_strengths, n_bins) over equal bins from -1 to 1."""

    name: str
    colour: str
    values: np.ndarray


@dataclass(frozen=True)
class Curve:
    """One metric over all strengths; dash as in SVG, "" = a solid line."""

    name: str
    colour: str
    dash: str
    values: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One metric in words: before, and at every strength, with the change and its verdict."""

    title: str
    before: str
    here: tuple[str, ...]
    change: tuple[str, ...]
    verdict: tuple[str, ...]


@dataclass(frozen=True)
class DialContent:
    """Everything the dial shows, at all its strengths.

    label of the slider; frame (x range, y range) and axes (two titles) of the map; sentences: one summary
    per strength
    """

    label: str
    strengths: tuple[float, ...]
    clouds: tuple[Cloud, ...]
    frame: tuple[Range, Range]
    axes: tuple[str, str]
    densities: tuple[Density, ...]
    curves: tuple[Curve, ...]
    sentences: tuple[str, ...]
    rows: tuple[Row, ...]


def pack(content: DialContent, *, start: int = 0) -> bytes:
    """The block of bytes that dial.js unpacks; start: the index of the strength at which the dial appears."""
    bulky = [c.coefficients for c in content.clouds] + [d.values for d in content.densities]
    body = b"".join(np.ascontiguousarray(array, dtype="<f4").tobytes() for array in bulky)
    header = {
        "label": content.label,
        "strengths": content.strengths,
        "n": len(content.clouds[0].coefficients),
        "clouds": [{"name": c.name, "shape": c.shape, "colour": c.colour} for c in content.clouds],
        "frame": content.frame,
        "axes": content.axes,
        "bins": np.shape(content.densities[0].values)[1],
        "densities": [{"name": d.name, "colour": d.colour} for d in content.densities],
        "curves": [asdict(c) for c in content.curves],
        "sentences": content.sentences,
        "rows": [asdict(r) for r in content.rows],
    }
    text = json.dumps(header, ensure_ascii=False, allow_nan=False)
    digest = blake2b(text.encode() + body, digest_size=12).hexdigest()
    head = json.dumps({"digest": digest, "start": start, **header}, ensure_ascii=False).encode()
    return len(head).to_bytes(4, "little") + head + bytes(-len(head) % 4) + body
