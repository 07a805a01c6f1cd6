"""Decode untrusted image files, by content and from an allow-list, to upright 8-bit greyscale or colour."""

from __future__ import annotations

import warnings

import numpy as np
from PIL import Image, ImageOps

from suture.data.dicom.view import MIDDLE, DicomView
from suture.data.errors import Skipped
from suture.data.files.magic import file_kind, is_dicom
from suture.data.files.names import quoted
from suture.data.images.memory_budget import DECODING_BUDGET
from suture.data.images.pillow_file import load_pixels, open_header, sixteen_bit_samples

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
DEPTHS = (8, 10, 12, 14, 16)  # bits that scanners and exports use


def decode(content: bytes, name: str, view: DicomView = MIDDLE) -> Image.Image:
    """An upright 8-bit image, mode L (greyscale) or RGB. `Skipped` says why it cannot be decoded.

    The content decides the format, not the name. 16-bit values are scaled from the smallest depth of 8, 10,
    12, 14 or 16 bits that holds them; float and 32-bit images are stretched from their lowest to their
    highest value; alpha is composited on black; of several pages or frames the first is taken; a colour image
    with R=G=B becomes greyscale. `view` applies to DICOM.
    """
    if is_dicom(content, name):
        from suture.data.dicom.pixels import dicom_pixels

        return Image.fromarray(dicom_pixels(content, view))
    if not content:
        raise Skipped("empty_file", f"{quoted(name)} is empty.")
    kind = file_kind(content)
    if kind not in FORMATS:
        raise _unsupported(kind, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings quote what they read
        opened = open_header(content, kind, name)
        with DECODING_BUDGET.reserve(opened.width * opened.height):
            samples = sixteen_bit_samples(opened, content, name)
            if samples is not None:
                return _upright(_sixteen_to_eight_bit(samples), opened)
            return to_eight_bit(load_pixels(opened, content, name), name)


def _unsupported(kind: str, name: str) -> Skipped:
    if kind:
        what = f"{quoted(name)} is a {kind} file, which is not supported. Export it as PNG."
        return Skipped("file_type_not_allowed", what)
    return Skipped(
        "not_an_image", f"{quoted(name)} is not an image in a supported format ({', '.join(FORMATS)})."
    )


def to_eight_bit(picture: Image.Image, name: str) -> Image.Image:
    """The image in mode L or RGB, whatever its mode was."""
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
    """Whether all pixels have the same value: such an image shows nothing."""
    return bool((pixels == pixels[0, 0]).all())


def _sixteen_to_eight_bit(samples: np.ndarray) -> Image.Image:
    """Composited on black and scaled like 16-bit grey, all colours alike."""
    if samples.shape[2] in (2, 4):
        opacity = samples[..., -1:].astype(np.float32) / 65535
        samples = np.round(samples[..., :-1] * opacity).astype(np.uint16)
    scaled = _scale(samples)
    grey = (scaled == scaled[..., :1]).all()
    return Image.fromarray(scaled[..., 0] if grey else scaled)


def _upright(picture: Image.Image, opened: Image.Image) -> Image.Image:
    """The image turned as the EXIF data of the opened file say."""
    picture.info["exif"] = opened.getexif().tobytes()
    return to_eight_bit(ImageOps.exif_transpose(picture), "")


def _scale(values: np.ndarray) -> np.ndarray:
    highest = values.max()
    bits = next(depth for depth in DEPTHS if highest < 2**depth)
    shades = np.round(np.arange(2**bits) / (2**bits - 1) * 255).astype(np.uint8)
    return np.stack([shades[row] for row in values])  # a row at a time: indices are widened to 64 bits


def _stretch(values: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Skipped(
            "image_not_finite", f"{quoted(name)} has NaN or infinite pixels. Export it with finite values."
        )
    low, high = values.min(), values.max()
    return np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
