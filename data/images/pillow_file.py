"""A picture's file opened by Pillow: its size known before it is decoded, and its damage by name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

from suture.data import limits
from suture.data.errors import Skipped
from suture.data.files.magic import kind_of
from suture.data.files.names import shown
from suture.data.images.jpeg_truncation import ends_early

TILE = (322, 323)  # TIFF's width and length of a tile


def opened_picture(content: bytes, kind: str, name: str) -> Image.Image:
    """The header, before any pixel is decoded."""
    with _named(content, kind, name):
        opened = Image.open(io.BytesIO(content), formats=[kind])
        _check_size(opened.size, name)
        _check_tile(opened, name)
        return opened


def loaded(opened: Image.Image, content: bytes, name: str) -> Image.Image:
    """The picture upright, with all of its pixels."""
    with _named(content, kind_of(content), name):
        opened.load()
        if opened.format in ("JPEG", "MPO") and ends_early(opened, content):
            raise _truncated(name)
        return ImageOps.exif_transpose(opened)


@contextmanager
def _named(content: bytes, kind: str, name: str) -> Iterator[None]:
    """Whatever a codec raises becomes a `Skipped`."""
    try:
        yield
    except Skipped:
        raise
    except Image.DecompressionBombError as error:
        raise Skipped("image_too_large", f"{shown(name)} declares too many pixels.") from error
    except MemoryError as error:
        raise Skipped("image_too_large", f"{shown(name)} needs too much memory.") from error
    except Exception as error:  # Pillow's codecs raise anything from SyntaxError to struct.error
        if _is_cut(content, kind, str(error)):
            raise _truncated(name) from error
        what = f"is damaged ({type(error).__name__}). Copy or export it again."
        if isinstance(error, UnidentifiedImageError):
            what = "is damaged, or stores its pixels in a way that is not read. Export it again as PNG."
        raise Skipped("image_corrupt", f"{shown(name)} {what}") from error


def _truncated(name: str) -> Skipped:
    return Skipped("image_truncated", f"{shown(name)} ends before its last pixel. Copy or export it again.")


def _is_cut(content: bytes, kind: str, said: str) -> bool:
    """Whether the file is shorter than it declares; else what Pillow has said of the damage."""
    if kind == "WEBP":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    if kind == "PNG" and b"IEND" in content:
        return False
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    ends = kind == "TIFF" and int.from_bytes(content[4:8], order) >= len(content)  # its tags often come last
    return ends or "truncated" in said.lower()


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    most = limits.current()
    what = f"{shown(name)} is {width} x {height} pixels"
    if min(size) < most.image_side_least:
        raise Skipped("image_too_small", f"{what}; at least {most.image_side_least} a side are needed.")
    if max(size) > most.image_side or width * height > most.image_pixels:
        raise Skipped("image_too_large", f"{what}; the limit is {most.image_pixels:,} pixels.")


def _check_tile(opened: Image.Image, name: str) -> None:
    """A tile of a TIFF is decoded whole, however little of it the picture shows."""
    tags, most = getattr(opened, "tag_v2", {}), limits.current().image_pixels
    if tags.get(TILE[0], 1) * tags.get(TILE[1], 1) > most:
        message = f"{shown(name)} declares tiles of more than {most:,} pixels. Export it again as PNG."
        raise Skipped("image_too_large", message)
