"""Images as they are stored: without metadata, at most 1024 pixels wide or high."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

STORED_SIDE = 1024  # longer side in pixels; encoders read 224 to 512


def downscale(picture: Image.Image) -> Image.Image:
    """The image scaled down, if necessary, to a longer side of `STORED_SIDE`."""
    return picture if max(picture.size) <= STORED_SIDE else _resize_to_fit(picture, STORED_SIDE)


def _resize_to_fit(picture: Image.Image, side: int) -> Image.Image:
    """Like `ImageOps.contain`, which rounds the shorter side of a very long image down to 0 pixels."""
    longer = max(picture.size)
    width, height = (max(1, round(length / longer * side)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def encode(picture: Image.Image) -> bytes:
    """PNG without metadata (greyscale) or JPEG of quality 95 (colour), longer side at most 1024."""
    picture = downscale(picture)
    buffer = io.BytesIO()
    if picture.mode == "L":
        clean = Image.fromarray(np.asarray(picture))  # a copy that carries no metadata
        clean.save(buffer, "PNG", compress_level=1)
    else:
        picture.info.clear()
        picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def thumbnail(content: bytes, side: int) -> bytes:
    """A JPEG whose longer side is `side`; the aspect ratio is kept."""
    opened = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    opened.draft(None, (side, side))
    picture = _resize_to_fit(opened, side)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
