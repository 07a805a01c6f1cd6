"""Pictures: decoded by content from an allow-list, kept without metadata in one pack a collection.

A pack is a file of concatenated PNG or JPEG pictures and an array of offsets, read by memory map.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from data.errors import Skipped

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
MAX_PIXELS = 40_000_000
MAX_SIDE = 20_000
MIN_SIDE = 8
KEPT_SIDE = 1024  # longer side of what is kept; encoders read 224 to 512


def decode(content: bytes, name: str) -> Image.Image:
    """An upright 8-bit picture, mode L (grey) or RGB. `Skipped` says why it is none.

    16-bit and float pictures are stretched from their lowest to their highest value; alpha is laid
    on black; a multi-page file gives its first page; a colour file with R=G=B becomes grey.
    """
    if content[128:132] == b"DICM":
        from data.dicom_pixels import dicom_pixels

        return Image.fromarray(dicom_pixels(content))
    if not content:
        raise Skipped("empty_file", f"{name!r} is empty.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _decode(content, name)


def _decode(content: bytes, name: str) -> Image.Image:
    try:
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
        _check_size(opened.size, name)
        opened.load()
        picture = ImageOps.exif_transpose(opened)
    except UnidentifiedImageError as error:
        raise Skipped(
            "not_an_image", f"{name!r} is not a picture of a known kind ({', '.join(FORMATS)})."
        ) from error
    except Image.DecompressionBombError as error:
        raise Skipped("image_too_large", f"{name!r} declares too many pixels.") from error
    except Skipped:
        raise
    except Exception as error:  # Pillow's codecs raise anything from SyntaxError to struct.error
        truncated = "truncated" in str(error).lower()
        code = "image_truncated" if truncated else "image_corrupt"
        raise Skipped(code, f"{name!r} cannot be decoded: {error}.") from error
    return to_eight_bit(picture, name)


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    shown = f"{name!r} is {width} x {height} pixels"
    if min(size) < MIN_SIDE:
        raise Skipped("image_too_small", f"{shown}; at least {MIN_SIDE} a side are needed.")
    if max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Skipped("image_too_large", f"{shown}; the limit is {MAX_PIXELS:,} pixels.")


def to_eight_bit(picture: Image.Image, name: str) -> Image.Image:
    """Mode L or RGB, whatever the picture came as."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        return Image.fromarray(_stretch(np.asarray(picture, dtype=np.float64), name))
    if picture.mode in ("L", "1"):
        return picture.convert("L")
    if picture.mode in ("LA", "PA", "RGBA", "P"):
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    rgb = picture.convert("RGB")
    pixels = np.asarray(rgb)
    grey = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all()
    return rgb.getchannel("R") if grey else rgb


def _stretch(values: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Skipped("image_not_finite", f"{name!r} has pixels that are not numbers.")
    low, high = values.min(), values.max()
    return np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)


def encode(picture: Image.Image) -> bytes:
    """PNG without metadata (grey) or JPEG of quality 95 (colour), longer side at most 1024."""
    if max(picture.size) > KEPT_SIDE:
        picture = ImageOps.contain(picture, (KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
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
    picture = ImageOps.contain(opened, (side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


class PackWriter:
    """Appends encoded pictures to a pack in a staging folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offsets = [0]
        self._stream = (folder / "images.bin").open("wb")

    def add(self, encoded: bytes) -> int:
        """Store one picture and return its number."""
        self._stream.write(encoded)
        self.offsets.append(self.offsets[-1] + len(encoded))
        return len(self.offsets) - 2

    def close(self) -> None:
        """Finish both files."""
        self._stream.close()
        np.save(self.folder / "images.npy", np.asarray(self.offsets, dtype=np.int64))


class ImagePack:
    """The pictures of a collection, by number."""

    def __init__(self, blob: Path, offsets: Path) -> None:
        self.offsets = np.load(offsets, allow_pickle=False)
        empty = self.offsets[-1] == 0
        self._blob = np.zeros(0, np.uint8) if empty else np.memmap(blob, np.uint8, "r")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, number: int) -> bytes:
        """The encoded picture. IndexError outside the pack."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._blob[self.offsets[number] : self.offsets[number + 1]].tobytes()

    def decode(self, number: int) -> Image.Image:
        """The picture, mode L or RGB."""
        return Image.open(io.BytesIO(self.read(number)), formats=("PNG", "JPEG"))

    def decode_many(self, numbers: Iterable[int]) -> list[Image.Image]:
        """Several pictures in order."""
        return [self.decode(n) for n in numbers]
