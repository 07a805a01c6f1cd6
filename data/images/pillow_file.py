"""Open an image file with Pillow: its size is checked before decoding, and codec errors become `Skipped`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

from suture.data import limits
from suture.data.errors import Skipped
from suture.data.files.magic import file_kind
from suture.data.files.names import quoted
from suture.data.images.jpeg_truncation import ends_early

TILE = (322, 323)  # TIFF tags: width and length of a tile


def open_header(content: bytes, kind: str, name: str) -> Image.Image:
    """The opened image, its size checked, before any pixel is decoded."""
    with _codec_errors_as_skipped(content, kind, name):
        opened = Image.open(io.BytesIO(content), formats=[kind])
        _check_size(opened.size, name)
        _check_tile(opened, name)
        return opened


def load_pixels(opened: Image.Image, content: bytes, name: str) -> Image.Image:
    """The image upright, with all of its pixels decoded."""
    with _codec_errors_as_skipped(content, file_kind(content), name):
        opened.load()
        if opened.format in ("JPEG", "MPO") and ends_early(opened, content):
            raise _truncated(name)
        return ImageOps.exif_transpose(opened)


@contextmanager
def _codec_errors_as_skipped(content: bytes, kind: str, name: str) -> Iterator[None]:
    """Turn whatever a codec raises into `Skipped`."""
    try:
        yield
    except Skipped:
        raise
    except Image.DecompressionBombError as error:
        raise Skipped("image_too_large", f"{quoted(name)} declares more pixels than the limit.") from error
    except MemoryError as error:
        raise Skipped("image_too_large", f"{quoted(name)} needs too much memory.") from error
    except Exception as error:  # Pillow's codecs raise anything from SyntaxError to struct.error
        if _is_cut(content, kind, str(error)):
            raise _truncated(name) from error
        what = f"is damaged ({type(error).__name__}). Copy or export it again."
        if isinstance(error, UnidentifiedImageError):
            what = "is damaged, or stores its pixels in an unsupported way. Export it again as PNG."
        raise Skipped("image_corrupt", f"{quoted(name)} {what}") from error


def _truncated(name: str) -> Skipped:
    return Skipped("image_truncated", f"{quoted(name)} ends before its last pixel. Copy or export it again.")


def _is_cut(content: bytes, kind: str, said: str) -> bool:
    """Whether the file is truncated: shorter than it declares, or truncated according to Pillow's message."""
    if kind == "WEBP":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    if kind == "PNG" and b"IEND" in content:
        return False
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    ends = kind == "TIFF" and int.from_bytes(content[4:8], order) >= len(
        content
    )  # its directory is often at the end
    return ends or "truncated" in said.lower()


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    most = limits.current()
    what = f"{quoted(name)} is {width} x {height} pixels"
    if min(size) < most.image_side_least:
        raise Skipped("image_too_small", f"{what}; each side needs at least {most.image_side_least}.")
    if max(size) > most.image_side or width * height > most.image_pixels:
        raise Skipped("image_too_large", f"{what}; the limit is {most.image_pixels:,} pixels.")


def _check_tile(opened: Image.Image, name: str) -> None:
    """A TIFF tile is decoded whole, even if the image shows little of it."""
    tags, most = getattr(opened, "tag_v2", {}), limits.current().image_pixels
    if tags.get(TILE[0], 1) * tags.get(TILE[1], 1) > most:
        message = f"{quoted(name)} declares tiles of more than {most:,} pixels. Export it again as PNG."
        raise Skipped("image_too_large", message)
