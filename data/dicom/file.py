"""Opening a DICOM file that a stranger made: bounded, without values in messages, fail closed."""

from __future__ import annotations

import io
import warnings
import zlib

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.multival import MultiValue
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from suture.data import limits
from suture.data.dicom.magic import with_preamble
from suture.data.errors import Skipped

CHUNK = 2**16
MAX_DEPTH = 32  # sequences within sequences; reports nest about ten deep
UNDEFINED = 0xFFFFFFFF  # length of an element that ends by a mark
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def open_dicom(content: bytes) -> FileDataset:
    """The tags of a file that may be shown; `Skipped` if it is damaged or not to be shown.

    A file without preamble or transfer syntax, as old archives keep them, is read if it has a picture.
    The messages name the kind of error and no value: values may name a patient.
    """
    if not content:
        raise Skipped("empty_file", "The file is empty.")
    marked = with_preamble(content)
    if marked is None:
        raise Skipped("not_dicom", "The file has no DICM mark at byte 128, so it is not a DICOM file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they quote values
            _check_deflated(marked)
            tags = pydicom.dcmread(io.BytesIO(marked))
            _check_directory(tags)
            _check_syntax(tags)
            _check_depth(tags)
            _check_burned_in(tags)
            return tags
    except Skipped:
        raise
    except (Exception, RecursionError) as error:
        # pydicom documents no common error: damaged files raise anything from struct.error, OSError,
        # AttributeError and NotImplementedError to RecursionError (deep sequences).
        raise corrupt(error) from error


def pixel_tag(tags: FileDataset) -> str:
    """The tag that holds the picture; `Skipped` if the file has none."""
    here = next((name for name in PIXELS if name in tags), "")
    if not here and "Rows" in tags:
        raise Skipped("dicom_truncated", "The file ends before its picture: copy it again.")
    if not here and ("SOPClassUID" not in tags or _ends_within(tags)):
        raise Skipped("dicom_corrupt", "The file's header cannot be trusted: export or copy it again.")
    if not here:
        raise Skipped("dicom_no_pixels", "The DICOM file has no picture (a report, a PDF, a directory).")
    return here


def _ends_within(tags: FileDataset) -> bool:
    """Whether an element declares more bytes than were left of the file."""
    raw = [e for e in tags.values() if isinstance(e, RawDataElement)]  # those that were not asked for yet
    return any(UNDEFINED != e.length > len(e.value or b"") for e in raw)


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
    inflate, total, most = zlib.decompressobj(-zlib.MAX_WBITS), 0, limits.current().dicom_bytes
    while chunk := stream.read(CHUNK):
        total += len(inflate.decompress(chunk, most - total + 1))
        if total > most:
            raise Skipped("dicom_too_large", f"The file inflates to more than {most:,} bytes.")


def _check_directory(tags: FileDataset) -> None:
    kind = tags.file_meta.get("MediaStorageSOPClassUID")
    if kind == MediaStorageDirectoryStorage or "DirectoryRecordSequence" in tags:
        message = "A DICOMDIR is a list of files elsewhere and is never followed."
        raise Skipped("file_type_not_allowed", message)


def _check_syntax(tags: FileDataset) -> None:
    """Names the syntax that pydicom has guessed where the file names none, if all of a picture is there."""
    if "TransferSyntaxUID" in tags.file_meta:
        return
    if not {"Rows", "Columns", "PixelData"} <= {*tags.dir()}:
        message = "The file ends within its header, or names no transfer syntax and has no picture."
        raise Skipped("dicom_corrupt", message)
    tags.file_meta.TransferSyntaxUID = _guessed(*tags.original_encoding)


def _guessed(implicit: bool | None, little: bool | None) -> UID:
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _check_depth(tags: FileDataset) -> None:
    level: list[Dataset] = [tags]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Skipped("dicom_corrupt", f"Its sequences nest deeper than {MAX_DEPTH}.")
        level = _within(level)


def _within(level: list[Dataset]) -> list[Dataset]:
    """The items of all sequences."""
    return [item for t in level for tag in list(t.keys()) if _is_sequence(t, tag) for item in t[tag].value]


def _is_sequence(tags: Dataset, tag: pydicom.tag.BaseTag) -> bool:
    raw = tags.get_item(tag)
    known = pydicom.datadict.dictionary_has_tag(tag)
    vr = (raw.VR if raw is not None else None) or (pydicom.datadict.dictionary_VR(tag) if known else "")
    return vr == "SQ"


def _check_burned_in(tags: FileDataset) -> None:
    groups = [group for name in GROUPS for group in tags.get(name) or ()]
    said = [word for t in (tags, *groups, *_within(groups)) for word in _words(t, "BurnedInAnnotation")]
    shot = any("SCREEN" in word for word in _words(tags, "ImageType"))
    if shot or any(word.startswith("Y") for word in said):
        raise Skipped(
            "dicom_burned_in", "The picture is marked as carrying burned-in text, or a screen save."
        )


def _words(tags: Dataset, keyword: str) -> list[str]:
    """The values of a tag, of which there may be none, one or several."""
    value = tags.get(keyword)
    values = value if isinstance(value, MultiValue) else [value]
    return [_text(v).strip(" \0").upper() for v in values]


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
