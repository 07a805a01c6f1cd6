"""Transfer syntaxes: which can be decoded here, and by what.

pydicom asks its plugins in the order of their registration; here the narrow libraries come first and GDCM, a
large one, decodes only what no other does (JPEG lossless, 12-bit JPEG).
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder, pixel_array
from pydicom.pixels.utils import _get_jpg_parameters
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from suture.data.errors import Skipped
from suture.data.images.jpeg_truncation import FRAME_END, ends_grey, is_cut

ORDER = ("pydicom", "pillow", "pyjpegls", "pylibjpeg", "gdcm")
STREAMS = (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes)
STREAM_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")  # the last: some write files within
Array = np.ndarray


def syntaxes() -> tuple[str, ...]:
    """The names of all transfer syntaxes that can be decoded here."""
    return tuple(UID(uid).name for uid in AllTransferSyntaxes if _is_decodable(UID(uid)))


def check_syntax(uid: UID) -> UID:
    """The syntax itself; `Skipped` names one that cannot be decoded here."""
    if not _is_decodable(uid):
        raise _unsupported(f"The transfer syntax {_name(uid)} cannot be decoded here. Export uncompressed.")
    return uid


def decode(tags: FileDataset, frame: int) -> Array:
    """The stored values of one frame; colours as RGB. `Skipped` if no decoder can read them."""
    uid, failed = tags.file_meta.TransferSyntaxUID, "HeaderError"
    plugins = _plugins(uid) if uid.is_encapsulated else [""]
    for plugin in plugins:
        if plugin == "gdcm" and not _fits(tags, frame):
            continue
        try:
            return _whole(pixel_array(tags, index=frame, decoding_plugin=plugin), tags, frame)
        except (MemoryError, Skipped):
            raise
        except Exception as error:  # decoders add errors of their own to pydicom's: see `open_dicom`
            failed = type(error).__name__
    message = f"The picture cannot be decoded as {_name(uid)}"
    if uid in STREAMS:
        _check_ends(_stream(tags, frame), message)
    if {*plugins} <= {"", "pydicom", "pillow"}:
        raise Skipped("dicom_corrupt", f"{message}: it is damaged ({failed}).")
    raise _unsupported(f"{message}: it is damaged, or of a kind that is not supported. Export uncompressed.")


def _whole(stored: Array, tags: FileDataset, frame: int) -> Array:
    """The same, unless a JPEG decoder has filled it up with grey."""
    baseline = tags.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    if baseline and ends_grey(stored) and is_cut(_stream(tags, frame)):
        raise _truncated("The picture")
    return stored


def _check_ends(stream: bytes, message: str) -> None:
    """`Skipped` for a stream of the JPEG kinds that does not begin or not end as one."""
    if not stream.startswith(STREAM_STARTS):
        raise Skipped("dicom_corrupt", f"{message}: it is damaged.")
    if not stream.rstrip(b"\0").endswith(FRAME_END):
        raise _truncated(message)


def _truncated(message: str) -> Skipped:
    return Skipped("dicom_truncated", f"{message}: it ends before its last pixel. Copy it again.")


def _stream(tags: FileDataset, frame: int) -> bytes:
    """What is encapsulated of one frame."""
    return get_frame(tags.PixelData, frame, number_of_frames=int(tags.get("NumberOfFrames") or 1))


def _plugins(uid: UID) -> list[str]:
    """GDCM only where there is no other, or where the other reads 8 bits of 12."""
    here = sorted(get_decoder(uid).available_plugins, key=_rank)
    others = [plugin for plugin in here if plugin != "gdcm"]
    return here if uid == JPEGExtended12Bit or not others else others


def _fits(tags: FileDataset, frame: int) -> bool:
    """Whether the stream is of the size that the tags declare: GDCM ends the process where it is not."""
    said = _get_jpg_parameters(_stream(tags, frame))
    declared = (tags.Rows, tags.Columns, tags.SamplesPerPixel, tags.BitsAllocated)
    bits = 8 if said.get("precision", 0) <= 8 else 16
    return (said.get("height"), said.get("width"), said.get("components"), bits) == declared


def _unsupported(message: str) -> Skipped:
    return Skipped("dicom_transfer_syntax_unsupported", message)


def _is_decodable(uid: UID) -> bool:
    try:
        return get_decoder(uid).is_available
    except NotImplementedError:
        return False


def _name(uid: UID) -> str:
    """The name of a known syntax; others are whatever a stranger wrote."""
    return repr(uid.name) if uid in AllTransferSyntaxes else "that the file names (not one of the standard's)"


def _rank(plugin: str) -> int:
    return ORDER.index(plugin) if plugin in ORDER else len(ORDER)
