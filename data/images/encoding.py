"""Pictures as they are kept: without metadata, at most 1024 pixels wide or high."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

KEPT_SIDE = 1024  # longer side of what is kept; encoders read 224 to 512


def shrunk(picture: Image.Image) -> Image.Image:
    """The size that is kept: longer side at most 1024."""
    return picture if max(picture.size) <= KEPT_SIDE else _contained(picture, KEPT_SIDE)


def _contained(picture: Image.Image, side: int) -> Image.Image:
    """As `ImageOps.contain`, which leaves nothing of the shorter side of a very long picture."""
    longer = max(picture.size)
    width, height = (max(1, round(length / longer * side)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def encode(picture: Image.Image) -> bytes:
    """PNG without metadata (grey) or JPEG of quality 95 (colour), longer side at most 1024."""
    picture = shrunk(picture)
    buffer = io.BytesIO()
    if picture.mode == "L":
        clean = Image.fromarray(np.asarray(picture))  # a copy that carries no metadata
        clean.save(buffer, "PNG", compress_level=1)
    else:
        picture.info.clear()
        picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def thumbnail(content: bytes, side: int) -> bytes:
    """A JPEG whose longer side is `side`, aspect kept."""
    opened = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    opened.draft(None, (side, side))
    picture = _contained(opened, side)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
