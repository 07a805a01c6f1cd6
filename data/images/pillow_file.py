"""Open an image file with Pillow: its size is checked before decoding, and codec errors become `Skipped`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
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


SIXTEEN_BITS = {  # raw modes of 16-bit colour, and those that read the other byte of each sample
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "LA;16B": "RGBA",  # both bytes of both samples
}


def sixteen_bit_samples(opened: Image.Image, content: bytes, name: str) -> np.ndarray | None:
    """The samples of an image with 16-bit colour or alpha: uint16 (height, width, samples), not yet upright.

    Pillow keeps only the higher byte of such samples, so the image is decoded once more for the other byte.
    None for any other image.
    """
    kind = opened.format or ""
    if kind not in ("PNG", "TIFF") or not _raw_modes(opened) <= {*SIXTEEN_BITS}:
        return None
    with _codec_errors_as_skipped(content, kind, name):
        other = Image.open(io.BytesIO(content), formats=[kind])
        other.tile = [tile._replace(args=_other_byte(tile.args)) for tile in other.tile]
        other.load()
        if _raw_modes(opened) == {"LA;16B"}:
            pairs = np.asarray(other).astype(np.uint16)
            return pairs[..., ::2] << 8 | pairs[..., 1::2]
        opened.load()
        return np.asarray(opened).astype(np.uint16) << 8 | np.asarray(other)


def _raw_modes(opened: Image.Image) -> set[str]:
    tiles: list[Any] = getattr(opened, "tile", [])  # Pillow declares it for files alone
    return {tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0]) for tile in tiles} or {
        ""
    }


def _other_byte(args: Any) -> Any:
    return SIXTEEN_BITS[args] if isinstance(args, str) else (SIXTEEN_BITS[args[0]], *args[1:])


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
