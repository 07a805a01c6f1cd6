"""Pictures of strangers decoded: by content, from an allow-list, to upright 8-bit grey or colour."""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image

from suture.data.dicom.magic import is_dicom
from suture.data.dicom.view import MIDDLE, DicomView
from suture.data.errors import Skipped
from suture.data.files.magic import kind_of
from suture.data.files.names import shown
from suture.data.images.memory_budget import CROWD
from suture.data.images.pillow_file import loaded, opened_picture

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
DEPTHS = (8, 10, 12, 14, 16)  # bits that scanners and exports use


def decode(content: bytes, name: str, view: DicomView = MIDDLE) -> Image.Image:
    """An upright 8-bit picture, mode L (grey) or RGB. `Skipped` says why it is none.

    The content decides what it is, not the name. 16-bit values are scaled from the least depth of 8, 10, 12,
    14 or 16 bits that holds them; float and 32-bit pictures are stretched from their lowest to their highest
    value; alpha is laid on black; a file of several pages or frames gives its first; a colour file with
    R=G=B becomes grey. `view` holds for DICOM.
    """
    if is_dicom(content, name):
        from suture.data.dicom.pixels import dicom_pixels

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
