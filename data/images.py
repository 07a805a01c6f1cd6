"""Pictures: decoded by content from an allow-list, kept without metadata in one pack a collection.

A pack is a file of concatenated PNG or JPEG pictures and an array of offsets, read by memory map.
"""

from __future__ import annotations

import io
import os
import warnings
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from data.crowd import CROWD
from data.dicom_mark import is_dicom
from data.dicom_view import MIDDLE, DicomView
from data.errors import Skipped
from data.kinds import kind_of
from data.names import shown
from data.picture_file import loaded, opened_picture

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
DEPTHS = (8, 10, 12, 14, 16)  # bits that scanners and exports use
KEPT_SIDE = 1024  # longer side of what is kept; encoders read 224 to 512


def decode(content: bytes, name: str, view: DicomView = MIDDLE) -> Image.Image:
    """An upright 8-bit picture, mode L (grey) or RGB. `Skipped` says why it is none.

    The content decides what it is, not the name. 16-bit values are scaled from the least depth of 8, 10, 12,
    14 or 16 bits that holds them; float and 32-bit pictures are stretched from their lowest to their highest
    value; alpha is laid on black; a file of several pages or frames gives its first; a colour file with
    R=G=B becomes grey. `view` holds for DICOM.
    """
    if is_dicom(content, name):
        from data.dicom_pixels import dicom_pixels

        return Image.fromarray(dicom_pixels(content, view))
    if not content:
        raise Skipped("empty_file", f"{shown(name)} is empty.")
    kind = kind_of(content)
    if kind not in FORMATS:
        raise _not_taken(kind, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote what they read
        opened = opened_picture(content, kind, name)
        with CROWD.joined(opened.width * opened.height):
            return to_eight_bit(loaded(opened, content, name), name)


def _not_taken(kind: str, name: str) -> Skipped:
    if kind:
        what = f"{shown(name)} is a {kind} file, which is not read. Export it as PNG."
        return Skipped("file_type_not_allowed", what)
    return Skipped("not_an_image", f"{shown(name)} is not a picture of a known kind ({', '.join(FORMATS)}).")


def to_eight_bit(picture: Image.Image, name: str) -> Image.Image:
    """Mode L or RGB, whatever the picture came as."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray(_scale(np.asarray(picture)))
    if picture.mode in ("I", "F"):
        return Image.fromarray(_stretch(np.asarray(picture, dtype=np.float64), name))
    if picture.mode in ("L", "1") and "transparency" not in picture.info:
        return picture.convert("L")
    if picture.mode in ("LA", "PA", "RGBA", "P", "La", "RGBa") or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    rgb = picture.convert("RGB")
    pixels = np.asarray(rgb)
    grey = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all()
    return rgb.getchannel("R") if grey else rgb


def is_constant(pixels: np.ndarray) -> bool:
    """Whether every pixel is the same: nothing is seen in such a picture."""
    return bool((pixels == pixels[0, 0]).all())


def _scale(values: np.ndarray) -> np.ndarray:
    highest = values.max()
    bits = next(depth for depth in DEPTHS if highest < 2**depth)
    shades = np.round(np.arange(2**bits) / (2**bits - 1) * 255).astype(np.uint8)
    return np.stack([shades[row] for row in values])  # a row at a time: indices are widened to 64 bits


def _stretch(values: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Skipped("image_not_finite", f"{shown(name)} has pixels that are not numbers.")
    low, high = values.min(), values.max()
    return np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)


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


class PackWriter:
    """Appends encoded pictures to a pack in a staging folder.

    kept  offsets of an earlier writer here: what it wrote up to the last of them stays, the rest goes
    """

    def __init__(self, folder: Path, kept: Iterable[int] = (0,)) -> None:
        self.folder = folder
        self.offsets = array("q", kept)
        self._stream = (folder / "images.bin").open("r+b" if self.offsets[-1] else "wb")
        self._stream.truncate(self._stream.seek(self.offsets[-1]))

    def add(self, encoded: bytes) -> int:
        """Store one picture and return its number."""
        self._stream.write(encoded)
        self.offsets.append(self.offsets[-1] + len(encoded))
        return len(self.offsets) - 2

    def flush(self) -> None:
        """Bring what was added to the disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

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
