"""The pixels of a DICOM file as a viewer shows them by default.

pydicom's own operations in the order of the standard (PS3.4 N.2): modality LUT or rescale, window,
presentation. The result is one frame, 8 bits, luminance.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_windowing
from pydicom.pixels.utils import get_expected_length

from suture.data import limits
from suture.data.dicom.file import corrupt, open_dicom, pixel_tag
from suture.data.dicom.transfer_syntaxes import check_syntax, decode, syntaxes
from suture.data.dicom.view import MIDDLE, DicomView, is_window
from suture.data.dicom.voi_lut import first_voi_lut
from suture.data.errors import Skipped
from suture.data.images.memory_budget import DECODING_BUDGET

__all__ = ["dicom_pixels", "syntaxes"]

LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in YBR_FULL
NEEDED = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation")
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # PS3.3 C.11.2.1.3
ENHANCED = ("PixelValueTransformationSequence", "FrameVOILUTSequence")  # per-frame rescale and window


def dicom_pixels(content: bytes, view: DicomView = MIDDLE) -> np.ndarray:
    """The image as a viewer shows it by default: uint8, (height, width), 0 = black.

    The frame and window of `view`; MONOCHROME1 inverted; colours as luminance; padding black.
    `Skipped` says why there is no image.
    """
    tags = open_dicom(content)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            frame = view.frame_number(_check_pixels(tags))
            with DECODING_BUDGET.reserve(tags.Rows * tags.Columns * tags.SamplesPerPixel):
                stored = decode(tags, frame)
                _fill_in_defaults(tags, frame)
                return _grey(stored, tags, view) if stored.ndim == 2 else _luminance(stored)
    except (Skipped, MemoryError):
        raise
    except (Exception, RecursionError) as error:
        raise corrupt(error) from error  # caught broadly for the reason given in `open_dicom`


def _check_pixels(tags: FileDataset) -> int:
    """The number of frames, after checking that sizes are within limits and all pixels are present."""
    tag = pixel_tag(tags)
    for name in NEEDED:
        if tags.get(name) in (None, ""):
            raise Skipped("dicom_corrupt", f"The file has no {name}, which decoding needs. Export it again.")
    frames = int(tags.get("NumberOfFrames") or 1)
    if frames < 1:
        raise Skipped("dicom_corrupt", f"The file declares {frames} frames.")
    _check_size(tags.Rows, tags.Columns, tags.SamplesPerPixel * frames)
    syntax = check_syntax(tags.file_meta.TransferSyntaxUID)
    size, least = len(tags[tag].value or b""), get_expected_length(tags)
    if size < (1 if syntax.is_encapsulated else least):
        raise Skipped("dicom_truncated", "The file has fewer pixels than it declares. Copy it again.")
    return frames


def _check_size(rows: int, columns: int, times: int) -> None:
    most = limits.current()
    what = f"The file declares {rows:,} x {columns:,} pixels, {times:,} times"
    if min(rows, columns) < most.image_side_least:
        raise Skipped("image_too_small", f"{what}; each side needs at least {most.image_side_least}.")
    side, one, whole = max(rows, columns), rows * columns, rows * columns * times
    if side > most.image_side or one > most.image_pixels or whole > most.dicom_pixels:
        limit = f"{most.image_pixels:,} in one frame, {most.dicom_pixels:,} in all"
        raise Skipped("image_too_large", f"{what}; the limits are {limit}.")


def _fill_in_defaults(tags: FileDataset, frame: int) -> None:
    """Copy per-frame values of enhanced objects to the usual tags, and add tags that float images lack."""
    tags.setdefault("BitsStored", tags.BitsAllocated)
    tags.setdefault("PixelRepresentation", 0)
    tags.VOILUTFunction = tags.get("VOILUTFunction") or FUNCTIONS[0]
    groups = [*(tags.get("SharedFunctionalGroupsSequence") or ())]
    groups += [*(tags.get("PerFrameFunctionalGroupsSequence") or ())][frame : frame + 1]
    for item in (i for group in groups for name in ENHANCED for i in group.get(name) or ()):
        tags.update(item)


def _luminance(rgb: np.ndarray) -> np.ndarray:
    """Luminance of an RGB image; pydicom has already converted YBR."""
    top = np.iinfo(rgb.dtype).max
    rows = [
        np.round(row @ LUMINANCE * (255 / top)).astype(np.uint8) for row in rgb
    ]  # row by row, because this is in float64
    return np.stack(rows)


def _grey(stored: np.ndarray, tags: FileDataset, view: DicomView) -> np.ndarray:
    if tags.PhotometricInterpretation == "PALETTE COLOR":
        return _luminance(apply_color_lut(stored, tags))
    padding = _padding(stored, tags)
    values = apply_modality_lut(stored, tags)
    if not np.isfinite(values).all():
        raise Skipped("image_not_finite", "The rescaled image has NaN or infinite values.")
    shown = np.clip(_to_display_range(values, tags, padding, view), 0, 1)
    # In digital X-ray, PresentationLUTShape INVERSE repeats what MONOCHROME1 says: invert once.
    inverse = str(tags.get("PresentationLUTShape", "")).upper() == "INVERSE"
    if tags.PhotometricInterpretation == "MONOCHROME1" or inverse:
        shown = 1 - shown
    return np.where(padding, 0, np.round(shown * 255)).astype(np.uint8)


def _padding(stored: np.ndarray, tags: FileDataset) -> np.ndarray:
    """Where the scanner padded the frame: PixelPaddingValue, or the range up to its limit."""
    value = tags.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = tags.get("PixelPaddingRangeLimit", value)
    return (stored >= min(value, limit)) & (stored <= max(value, limit))


def _to_display_range(
    values: np.ndarray, tags: FileDataset, padding: np.ndarray, view: DicomView
) -> np.ndarray:
    """The values on a scale from 0 (black) to 1 (white), before any inversion."""
    window = view.window_for(str(tags.get("Modality", "")))
    if window is not None:
        tags.WindowCenter, tags.WindowWidth = window
        tags.VOILUTFunction = "LINEAR"
    elif (lut := first_voi_lut(tags)) is not None:
        return lut.apply(values)
    if _has_window(tags):
        black, white = apply_windowing(np.array([-1e30, 1e30]), tags)  # the ends of the output
        return (apply_windowing(values, tags) - black) / (white - black)
    if tags.BitsStored == 8 and 0 <= values.min() <= values.max() <= 255 and not _is_rescaled(tags):
        return values / 255
    return _stretch(values, padding, (0.5, 99.5))


def _is_rescaled(tags: Dataset) -> bool:
    """Whether the rescale changes the values; some writers declare an identity rescale for every image."""
    trivial = (float(tags.get("RescaleSlope", 1)), float(tags.get("RescaleIntercept", 0))) == (1, 0)
    return bool(tags.get("ModalityLUTSequence")) or not trivial


def _has_window(tags: Dataset) -> bool:
    """Whether the first window is valid. For "none" some scanners write a width of 0, others a text."""
    try:
        first = [_first_number(tags.get(name)) for name in ("WindowCenter", "WindowWidth")]
    except ValueError:  # pydicom converts it to a number on first access
        return False
    return is_window(*first) and str(tags.VOILUTFunction).upper() in FUNCTIONS


def _first_number(value: Any) -> float:
    """The first value as a number, NaN if it is not one."""
    first = next(iter(value), None) if isinstance(value, Sequence) and not isinstance(value, str) else value
    return float(first) if isinstance(first, float | int) else math.nan


def _stretch(values: np.ndarray, padding: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    kept = values if padding.all() else values[~padding]
    low, high = np.percentile(kept, percentiles)
    if high <= low:  # nearly constant: only a few pixels differ
        low, high = kept.min(), kept.max()
    return (values - low) / max(float(high - low), 1e-12)
