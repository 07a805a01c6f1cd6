"""The pixels of a DICOM file as a viewer would show them at first.

pydicom's own operations in the standard's order (PS3.4 N.2): modality LUT or rescale, window,
presentation. One frame, eight bits, luminance.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing
from pydicom.pixels.utils import get_expected_length

from suture.data import limits
from suture.data.dicom.file import corrupt, open_dicom, pixel_tag
from suture.data.dicom.transfer_syntaxes import check_syntax, decode, syntaxes
from suture.data.dicom.view import MIDDLE, DicomView, is_window
from suture.data.errors import Skipped
from suture.data.images.memory_budget import CROWD

__all__ = ["dicom_pixels", "syntaxes"]

LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in YBR_FULL
NEEDED = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation")
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # PS3.3 C.11.2.1.3
ENHANCED = ("PixelValueTransformationSequence", "FrameVOILUTSequence")  # rescale and window of each frame


def dicom_pixels(content: bytes, view: DicomView = MIDDLE) -> np.ndarray:
    """The picture as a viewer shows it at first: uint8, (height, width), 0 = black.

    One frame and window as `view` asks; MONOCHROME1 inverted; colours as luminance; padding black.
    `Skipped` says why there is none.
    """
    tags = open_dicom(content)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            frame = view.number(_check_pixels(tags))
            with CROWD.joined(tags.Rows * tags.Columns * tags.SamplesPerPixel):
                stored = decode(tags, frame)
                _complete(tags, frame)
                return _grey(stored, tags, view) if stored.ndim == 2 else _luminance(stored)
    except (Skipped, MemoryError):
        raise
    except (Exception, RecursionError) as error:
        raise corrupt(error) from error  # broad for the reason given in `open_dicom`


def _check_pixels(tags: FileDataset) -> int:
    """The number of frames, once all that is declared is known to be bearable and here."""
    here = pixel_tag(tags)
    for name in NEEDED:
        if tags.get(name) in (None, ""):
            raise Skipped("dicom_corrupt", f"The file has no {name}, without which there is no picture.")
    frames = int(tags.get("NumberOfFrames") or 1)
    if frames < 1:
        raise Skipped("dicom_corrupt", f"The file declares {frames} frames.")
    _check_size(tags.Rows, tags.Columns, tags.SamplesPerPixel * frames)
    syntax = check_syntax(tags.file_meta.TransferSyntaxUID)
    size, least = len(tags[here].value or b""), get_expected_length(tags)
    if size < (1 if syntax.is_encapsulated else least):
        raise Skipped("dicom_truncated", "The file has fewer pixels than it declares: copy it again.")
    return frames


def _check_size(rows: int, columns: int, times: int) -> None:
    most = limits.current()
    what = f"The file declares {rows:,} x {columns:,} pixels, {times:,} times"
    if min(rows, columns) < most.image_side_least:
        raise Skipped("image_too_small", f"{what}; at least {most.image_side_least} a side are needed.")
    side, one, whole = max(rows, columns), rows * columns, rows * columns * times
    if side > most.image_side or one > most.image_pixels or whole > most.dicom_pixels:
        limit = f"{most.image_pixels:,} in one frame, {most.dicom_pixels:,} in all"
        raise Skipped("image_too_large", f"{what}; the limits are {limit}.")


def _complete(tags: FileDataset, frame: int) -> None:
    """Puts in their usual place what enhanced objects say for each frame, and floats leave out."""
    tags.setdefault("BitsStored", tags.BitsAllocated)
    tags.setdefault("PixelRepresentation", 0)
    tags.VOILUTFunction = tags.get("VOILUTFunction") or FUNCTIONS[0]
    groups = [*(tags.get("SharedFunctionalGroupsSequence") or ())]
    groups += [*(tags.get("PerFrameFunctionalGroupsSequence") or ())][frame : frame + 1]
    for item in (i for group in groups for name in ENHANCED for i in group.get(name) or ()):
        tags.update(item)


def _luminance(rgb: np.ndarray) -> np.ndarray:
    """pydicom has turned YBR into RGB already."""
    top = np.iinfo(rgb.dtype).max
    rows = [np.round(row @ LUMINANCE * (255 / top)).astype(np.uint8) for row in rgb]  # in 64 bits: one by one
    return np.stack(rows)


def _grey(stored: np.ndarray, tags: FileDataset, view: DicomView) -> np.ndarray:
    if tags.PhotometricInterpretation == "PALETTE COLOR":
        return _luminance(apply_color_lut(stored, tags))
    padding = _padding(stored, tags)
    values = apply_modality_lut(stored, tags)
    if not np.isfinite(values).all():
        raise Skipped("image_not_finite", "The rescaled picture has values that are not numbers.")
    shown = np.clip(_shown(values, tags, padding, view), 0, 1)
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


def _shown(values: np.ndarray, tags: FileDataset, padding: np.ndarray, view: DicomView) -> np.ndarray:
    """The values on a scale from 0 (black) to 1 (white), before any inversion."""
    asked = view.asked(str(tags.get("Modality", "")))
    if asked is not None:
        tags.WindowCenter, tags.WindowWidth = asked
        tags.VOILUTFunction = "LINEAR"
    if _has_window(tags):
        black, white = apply_windowing(np.array([-1e30, 1e30]), tags)  # the ends of the output
        return (apply_windowing(values, tags) - black) / (white - black)
    if tags.get("VOILUTSequence") and values.dtype.kind in "iu":
        return _stretched(apply_voi(values, tags), padding, (0, 100))
    if tags.BitsStored == 8 and 0 <= values.min() <= values.max() <= 255 and not _is_rescaled(tags):
        return values / 255
    return _stretched(values, padding, (0.5, 99.5))


def _is_rescaled(tags: Dataset) -> bool:
    """Whether the values mean something else than they are; some writers say "times 1" of every picture."""
    trivial = (float(tags.get("RescaleSlope", 1)), float(tags.get("RescaleIntercept", 0))) == (1, 0)
    return bool(tags.get("ModalityLUTSequence")) or not trivial


def _has_window(tags: Dataset) -> bool:
    """Whether the first window is one; a width of 0 is what some scanners write for "none", others text."""
    try:
        first = [_first_number(tags.get(name)) for name in ("WindowCenter", "WindowWidth")]
    except ValueError:  # pydicom makes a number of it when it is first asked for
        return False
    return is_window(*first) and str(tags.VOILUTFunction).upper() in FUNCTIONS


def _first_number(value: Any) -> float:
    """NaN for what is none."""
    first = next(iter(value), None) if isinstance(value, Sequence) and not isinstance(value, str) else value
    return float(first) if isinstance(first, float | int) else math.nan


def _stretched(values: np.ndarray, padding: np.ndarray, percentiles: tuple[float, float]) -> np.ndarray:
    kept = values if padding.all() else values[~padding]
    low, high = np.percentile(kept, percentiles)
    if high <= low:  # nearly constant: a few bright pixels are all there is
        low, high = kept.min(), kept.max()
    return (values - low) / max(float(high - low), 1e-12)
