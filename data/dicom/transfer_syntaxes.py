"""Transfer syntaxes: which can be decoded, and by which library.

pydicom tries its plugins in the order of registration. Here the specialised libraries come first; GDCM, a
large library, decodes only what no other does (JPEG lossless, 12-bit JPEG).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
    JPEGLossless,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from suture.data.errors import Skipped
from suture.data.images.jpeg_truncation import FRAME_END, ends_grey, is_cut

ORDER = ("pydicom", "pillow", "pyjpegls", "pylibjpeg", "gdcm")
STREAMS = (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes)
STREAM_STARTS = (
    b"\xff\xd8",
    b"\xff\x4f\xff\x51",
    b"\0\0\0\x0cjP  ",
)  # the last: some writers embed JP2 files
Array = np.ndarray


def syntaxes() -> tuple[str, ...]:
    """The names of all transfer syntaxes that can be decoded."""
    return tuple(UID(uid).name for uid in AllTransferSyntaxes if _is_decodable(UID(uid)))


def check_syntax(uid: UID) -> UID:
    """Return the syntax; `Skipped` if it cannot be decoded."""
    if not _is_decodable(uid):
        raise _unsupported(f"The transfer syntax {_name(uid)} is not supported. Export uncompressed.")
    return uid


def decode(tags: FileDataset, frame: int) -> Array:
    """The stored values of one frame; colours as RGB. `Skipped` if no decoder can read them."""
    uid, failed = tags.file_meta.TransferSyntaxUID, "HeaderError"
    plugins = _plugins(uid) if uid.is_encapsulated else [""]
    for plugin in plugins:
        if plugin == "gdcm" and not _matches_header(tags, frame):
            continue
        try:
            with _twelve_bits_by_gdcm(tags, plugin):
                stored = pixel_array(tags, index=frame, decoding_plugin=plugin)
            return _refuse_truncated(stored, tags, frame)
        except (MemoryError, Skipped):
            raise
        except Exception as error:  # decoders raise errors of their own, see `open_dicom`
            failed = type(error).__name__
    message = f"The image cannot be decoded as {_name(uid)}"
    if uid in STREAMS:
        _check_ends(_stream(tags, frame), message)
    if {*plugins} <= {"", "pydicom", "pillow"}:
        raise Skipped("dicom_corrupt", f"{message}: it is damaged ({failed}).")
    raise _unsupported(f"{message}: it is damaged, or of an unsupported kind. Export uncompressed.")


@contextmanager
def _twelve_bits_by_gdcm(tags: FileDataset, plugin: str) -> Iterator[None]:
    """Let pydicom give JPEG Extended with 12 bits to GDCM.

    pydicom refuses the pair, but GDCM reads it: it takes the process and the precision from the stream. Under
    the name of another JPEG syntax pydicom passes the stream on.
    """
    uid = tags.file_meta.TransferSyntaxUID
    if plugin == "gdcm" and uid == JPEGExtended12Bit and tags.get("BitsStored", 8) != 8:
        tags.file_meta.TransferSyntaxUID = JPEGLossless
    try:
        yield
    finally:
        tags.file_meta.TransferSyntaxUID = uid


def _refuse_truncated(stored: Array, tags: FileDataset, frame: int) -> Array:
    """Return `stored`; `Skipped` if a JPEG decoder filled missing pixels with grey."""
    baseline = tags.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
    if baseline and ends_grey(stored) and is_cut(_stream(tags, frame)):
        raise _truncated("The image cannot be decoded")
    return stored


def _check_ends(stream: bytes, message: str) -> None:
    """`Skipped` for a JPEG-family stream that does not begin or end like one."""
    if not stream.startswith(STREAM_STARTS):
        raise Skipped("dicom_corrupt", f"{message}: it is damaged.")
    if not stream.rstrip(b"\0").endswith(FRAME_END):
        raise _truncated(message)


def _truncated(message: str) -> Skipped:
    return Skipped("dicom_truncated", f"{message}: it ends before its last pixel. Copy it again.")


def _stream(tags: FileDataset, frame: int) -> bytes:
    """The encapsulated bytes of one frame."""
    return get_frame(tags.PixelData, frame, number_of_frames=int(tags.get("NumberOfFrames") or 1))


def _plugins(uid: UID) -> list[str]:
    """The plugins to try in order; GDCM only without an alternative, or where that reads 8 bits of 12."""
    available = sorted(get_decoder(uid).available_plugins, key=_rank)
    others = [plugin for plugin in available if plugin != "gdcm"]
    return available if uid == JPEGExtended12Bit or not others else others


def _matches_header(tags: FileDataset, frame: int) -> bool:
    """Whether the stream has the size that the tags declare; GDCM crashes the process if it does not."""
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
    """The name of a standard syntax; any other is untrusted text and is not quoted."""
    return repr(uid.name) if uid in AllTransferSyntaxes else "of the file (not one of the standard's)"


def _rank(plugin: str) -> int:
    return ORDER.index(plugin) if plugin in ORDER else len(ORDER)
