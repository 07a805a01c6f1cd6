"""Open an untrusted DICOM file: with limits, without values in messages, and refusing in case of doubt."""

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
from suture.data.errors import Skipped
from suture.data.files.magic import with_preamble

CHUNK = 2**16
MAX_DEPTH = 32  # nested sequences; structured reports nest about ten deep
UNDEFINED = 0xFFFFFFFF  # length of an element that ends with a delimiter
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
STORAGE = "1.2.840.10008.5.1.4.1.1."  # SOP classes of PS3.4 table B.5-1 that are no image of a patient
NO_IMAGE = {
    "66.4": "a segmentation",
    "66.5": "a segmentation",
    "481.2": "a radiotherapy dose",
    "481.3": "a radiotherapy structure set",
    "481.5": "a radiotherapy plan",
    "481.8": "a radiotherapy plan",
    "88.59": "a key object selection",
    "88": "a structured report",
    "104.1": "an encapsulated PDF",
    "104": "an encapsulated document",
    "11": "a presentation state",
    "9": "a waveform",
    "66.1": "a registration",
    "66.3": "a registration",
}
NO_PIXELS = "The DICOM file has a header and no pixels. Export it with its image."
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def open_dicom(content: bytes) -> FileDataset:
    """The dataset of a file whose image may be shown; `Skipped` if it is damaged or must not be shown.

    A file without preamble or transfer syntax, as old archives keep them, is read if it has an image.
    Messages name the type of error but no value, because values may name a patient.
    """
    if not content:
        raise Skipped("empty_file", "The file is empty.")
    marked = with_preamble(content)
    if marked is None:
        raise Skipped(
            "not_dicom", "The file has no DICM mark at byte 128, so it is not DICOM. Export it again."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings quote values
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
        # pydicom documents no common exception: damaged files raise anything from struct.error, OSError,
        # AttributeError and NotImplementedError to RecursionError (deep sequences).
        raise corrupt(error) from error


def pixel_tag(tags: FileDataset) -> str:
    """The tag that holds the image; `Skipped` if the file has none."""
    _check_kind(tags)
    tag = next((name for name in PIXELS if name in tags), "")
    if not tag and "Rows" in tags:
        raise Skipped("dicom_truncated", "The file ends before its image. Copy it again.")
    if not tag and (_element_is_cut_off(tags) or not _has_known_tags(tags)):
        raise Skipped("dicom_corrupt", "The file's header is inconsistent. Export or copy it again.")
    if not tag:
        raise Skipped("dicom_no_pixels", NO_PIXELS)
    return tag


def _check_kind(tags: FileDataset) -> None:
    """`Skipped` if the SOP class of the file is not of images."""
    uid = str(tags.get("SOPClassUID", ""))
    parts = uid.removeprefix(STORAGE).split(".") if uid.startswith(STORAGE) else []
    ends = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    if kind := next((NO_IMAGE[end] for end in ends if end in NO_IMAGE), ""):
        raise Skipped("dicom_no_picture", f"The DICOM file is {kind}, not an image. Leave it out.")


def _has_known_tags(tags: FileDataset) -> bool:
    """Whether all public tags are in the standard: read in another byte order, they are not."""
    words = pydicom.datadict
    known = [
        tag.is_private or tag.element == 0 or words.dictionary_has_tag(tag) or words.repeater_has_tag(tag)
        for tag in [*tags.keys()]  # element 0 is the length of a group, a repeater an overlay
    ]
    return bool(known) and all(known)


def _element_is_cut_off(tags: FileDataset) -> bool:
    """Whether an element declares more bytes than the file has."""
    raw = [e for e in tags.values() if isinstance(e, RawDataElement)]  # elements not yet converted
    return any(UNDEFINED != e.length > len(e.value or b"") for e in raw)


def corrupt(error: BaseException) -> Skipped:
    """A `Skipped` that names the type of error and quotes nothing from the file."""
    return Skipped("dicom_corrupt", f"The DICOM file is damaged ({type(error).__name__}).")


def _check_deflated(content: bytes) -> None:
    """Refuse a deflated file that grows beyond the limit; pydicom would inflate it without one."""
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
        message = "A DICOMDIR lists other files and is not followed. Import those files instead."
        raise Skipped("file_type_not_allowed", message)


def _check_syntax(tags: FileDataset) -> None:
    """Where the file names no transfer syntax, set the one that pydicom guessed, if there is an image."""
    if "TransferSyntaxUID" in tags.file_meta:
        return
    _check_kind(tags)
    if not {"Rows", "Columns", "PixelData"} <= {*tags.dir()}:
        message = "The file ends within its header, or names no transfer syntax and has no image."
        raise Skipped("dicom_corrupt", message)
    tags.file_meta.TransferSyntaxUID = _guessed_syntax(*tags.original_encoding)


def _guessed_syntax(implicit: bool | None, little: bool | None) -> UID:
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _check_depth(tags: FileDataset) -> None:
    level: list[Dataset] = [tags]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Skipped("dicom_corrupt", f"Its sequences nest more than {MAX_DEPTH} deep.")
        level = _sequence_items(level)


def _sequence_items(level: list[Dataset]) -> list[Dataset]:
    """The items of all sequences."""
    return [item for t in level for tag in list(t.keys()) if _is_sequence(t, tag) for item in t[tag].value]


def _is_sequence(tags: Dataset, tag: pydicom.tag.BaseTag) -> bool:
    raw = tags.get_item(tag)
    known = pydicom.datadict.dictionary_has_tag(tag)
    vr = (raw.VR if raw is not None else None) or (pydicom.datadict.dictionary_VR(tag) if known else "")
    return vr == "SQ"


def _check_burned_in(tags: FileDataset) -> None:
    groups = [group for name in GROUPS for group in tags.get(name) or ()]
    said = [
        word for t in (tags, *groups, *_sequence_items(groups)) for word in _words(t, "BurnedInAnnotation")
    ]
    shot = any("SCREEN" in word for word in _words(tags, "ImageType"))
    if shot or any(word.startswith("Y") for word in said):
        raise Skipped(
            "dicom_burned_in", "The image is marked as having burned-in text, or as a screen capture."
        )


def _words(tags: Dataset, keyword: str) -> list[str]:
    """The values of a tag in upper case; a tag can have none, one or several."""
    value = tags.get(keyword)
    values = value if isinstance(value, MultiValue) else [value]
    return [_text(v).strip(" \0").upper() for v in values]


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
