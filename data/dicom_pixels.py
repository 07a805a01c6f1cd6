"""The pixels of a DICOM file as a viewer would show them at first.

pydicom's own operations in the standard's order (PS3.4 N.2): modality LUT or rescale, window,
presentation. One frame, eight bits, luminance.
"""

from __future__ import annotations

import warnings

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.pixels import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi,
    apply_windowing,
    get_decoder,
    pixel_array,
)
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import UID

from data.dicom_file import corrupt, open_dicom
from data.errors import Skipped

MAX_PIXELS = 100_000_000  # rows x columns x frames x samples, as declared
LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in YBR_FULL


def dicom_pixels(content: bytes) -> np.ndarray:
    """The picture as a viewer shows it at first: uint8, (height, width), 0 = black.

    The middle frame; the first window, else the whole range; MONOCHROME1 inverted; colours as
    luminance; padding black. `Skipped` says why there is none.
    """
    tags = open_dicom(content)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            frames = _check_pixels(tags)
            stored = pixel_array(tags, index=frames // 2)
            return _grey(stored, tags) if stored.ndim == 2 else _luminance(stored)
    except Skipped:
        raise
    except (Exception, RecursionError) as error:
        # Broad for the reason given in `open_dicom`; decoders (Pillow, plugins) add errors of their own.
        raise corrupt(error) from error


def _check_pixels(tags: FileDataset) -> int:
    """The number of frames, once all that is declared is known to be bearable and here."""
    names = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    here = next((name for name in names if name in tags), "")
    if not here:
        raise Skipped("dicom_no_pixels", "The DICOM file has no picture (a report, a PDF, a directory).")
    frames = int(tags.get("NumberOfFrames") or 1)
    if frames < 1:
        raise Skipped("dicom_corrupt", f"The file declares {frames} frames.")
    if (declared := tags.Rows * tags.Columns * frames * tags.SamplesPerPixel) > MAX_PIXELS:
        message = f"The file declares {declared:,} pixels; the limit is {MAX_PIXELS:,}."
        raise Skipped("image_too_large", message)
    syntax = _check_syntax(tags.file_meta.TransferSyntaxUID)
    if not syntax.is_encapsulated and len(tags[here].value) < get_expected_length(tags):
        raise Skipped("dicom_truncated", "The file has fewer pixels than it declares: copy it again.")
    return frames


def _check_syntax(uid: UID) -> UID:
    try:
        readable = get_decoder(uid).is_available
    except NotImplementedError:
        readable = False
    if not readable:
        message = f"The transfer syntax {uid.name!r} cannot be decoded here. Export uncompressed."
        raise Skipped("dicom_transfer_syntax_unsupported", message)
    return uid


def _luminance(rgb: np.ndarray) -> np.ndarray:
    """pydicom has turned YBR into RGB already."""
    top = np.iinfo(rgb.dtype).max
    return np.round(rgb @ LUMINANCE * (255 / top)).astype(np.uint8)


def _grey(stored: np.ndarray, tags: FileDataset) -> np.ndarray:
    if tags.PhotometricInterpretation == "PALETTE COLOR":
        return _luminance(apply_color_lut(stored, tags))
    padding = _padding(stored, tags)
    values = apply_modality_lut(stored, tags)
    if not np.isfinite(values).all():
        raise Skipped("image_not_finite", "The rescaled picture has values that are not numbers.")
    shown = np.clip(_shown(values, tags, padding), 0, 1)
    # PresentationLUTShape INVERSE is how digital X-ray repeats what MONOCHROME1 says: invert once.
    inverse = str(tags.get("PresentationLUTShape", "")).upper() == "INVERSE"
    if tags.PhotometricInterpretation == "MONOCHROME1" or inverse:
        shown = 1 - shown
    return np.where(padding, 0, np.round(shown * 255)).astype(np.uint8)


def _padding(stored: np.ndarray, tags: FileDataset) -> np.ndarray:
    """Where the scanner filled up the frame: PixelPaddingValue, or the range up to its limit."""
    value = tags.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = tags.get("PixelPaddingRangeLimit", value)
    return (stored >= min(value, limit)) & (stored <= max(value, limit))


def _shown(values: np.ndarray, tags: FileDataset, padding: np.ndarray) -> np.ndarray:
    """The values on a scale from 0 (black) to 1 (white), before any inversion."""
    if tags.get("WindowCenter") is not None and tags.get("WindowWidth") is not None:
        black, white = apply_windowing(np.array([-1e30, 1e30]), tags)  # the ends of the output
        return (apply_windowing(values, tags) - black) / (white - black)
    if tags.get("VOILUTSequence") and values.dtype.kind in "iu":
        return _stretched(apply_voi(values, tags), padding, (0, 100))
    if values.dtype == np.uint8 and tags.BitsStored == 8:
        return values / 255
    return _stretched(values, padding, (0.5, 99.5))


def _stretched(values: np.ndarray, padding: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    kept = values if padding.all() else values[~padding]
    low, high = np.percentile(kept, percentiles)
    if high <= low:  # nearly constant: a few bright pixels are all there is
        low, high = kept.min(), kept.max()
    return (values - low) / max(float(high - low), 1e-12)
