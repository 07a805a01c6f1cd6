"""Opening a DICOM file that a stranger made: bounded, without values in messages, fail closed."""

from __future__ import annotations

import io
import warnings
import zlib

import pydicom
from pydicom.dataset import FileDataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from data.errors import Skipped

MAX_INFLATED = 256 * 2**20
MAX_DEPTH = 32  # sequences within sequences; reports nest about ten deep


def is_dicom(content: bytes) -> bool:
    """Whether the file carries DICOM's mark."""
    return content[128:132] == b"DICM"


def open_dicom(content: bytes, *, pixels: bool = True) -> FileDataset:
    """The tags of a file that may be shown; `Skipped` if it is damaged or not to be shown.

    The messages name the kind of error and no value: values may name a patient.
    """
    if not content:
        raise Skipped("empty_file", "The file is empty.")
    if not is_dicom(content) and content.startswith(
        (b"\x02\x00", b"\x08\x00")
    ):  # the first group of an old archive's file
        raise Skipped("dicom_corrupt", "The file lacks DICOM's preamble. Export it again as a Part 10 file.")
    if not is_dicom(content):
        raise Skipped("not_dicom", "The file has no DICM mark at byte 128, so it is not a DICOM file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            _check_deflated(content)
            tags = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=not pixels)
            _check_header(tags)
            _check_depth(tags)
            _check_burned_in(tags)
            return tags
    except Skipped:
        raise
    except (Exception, RecursionError) as error:
        # pydicom documents no common error: damaged files raise anything from struct.error, OSError,
        # AttributeError and NotImplementedError to RecursionError (deep sequences).
        raise corrupt(error) from error


def corrupt(error: BaseException) -> Skipped:
    """The skip that names the kind of error and nothing of the file."""
    return Skipped("dicom_corrupt", f"The DICOM file is damaged ({type(error).__name__}).")


def _check_deflated(content: bytes) -> None:
    """Counts what the deflated syntax inflates to; pydicom would inflate it without a limit."""
    stream = io.BytesIO(content)
    read_preamble(stream, False)
    meta = _read_file_meta_info(stream)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflate, rest, total = zlib.decompressobj(-zlib.MAX_WBITS), stream.read(), 0
    while rest and not inflate.eof:
        total += len(inflate.decompress(rest, 2**20))
        rest = inflate.unconsumed_tail
        if total > MAX_INFLATED:
            raise Skipped("dicom_too_large", f"The file inflates to more than {MAX_INFLATED:,} bytes.")


def _check_header(tags: FileDataset) -> None:
    if "TransferSyntaxUID" not in tags.file_meta:
        raise Skipped("dicom_corrupt", "The file ends within its header, or names no transfer syntax.")


def _check_depth(tags: FileDataset) -> None:
    level, depth = [tags], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Skipped("dicom_corrupt", f"Its sequences nest deeper than {MAX_DEPTH}.")
        level = [
            item for t in level for tag in list(t.keys()) if _is_sequence(t, tag) for item in t[tag].value
        ]


def _is_sequence(tags: FileDataset, tag: pydicom.tag.BaseTag) -> bool:
    raw = tags.get_item(tag)
    known = pydicom.datadict.dictionary_has_tag(tag)
    vr = (raw.VR if raw is not None else None) or (pydicom.datadict.dictionary_VR(tag) if known else "")
    return vr == "SQ"


def _check_burned_in(tags: FileDataset) -> None:
    kinds = {str(kind).upper() for kind in tags.get("ImageType") or ()}
    burned = str(tags.get("BurnedInAnnotation", "")).strip().upper() == "YES"
    if burned or any("SCREEN" in kind for kind in kinds):
        raise Skipped(
            "dicom_burned_in", "The picture is marked as carrying burned-in text, or a screen save."
        )
