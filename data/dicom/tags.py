"""The DICOM tags that are kept beside the image: an allow-list. All other tags are dropped here.

A deny-list would not do: PS3.15 Annex E names hundreds of tags to remove, and private tags come on top.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import warnings
from dataclasses import dataclass

import pydicom
from pydicom.dataset import FileDataset

from suture.data.dicom.file import corrupt, open_dicom, pixel_tag
from suture.data.phi.identifiers import identifiers

CODES = ("Modality", "BodyPartExamined", "ViewPosition", "Laterality", "ImageLaterality")
PHRASES = (
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
)  # typed by people, so each is scanned for identifiers
KEPT_TAGS = CODES + PHRASES  # decoding also reads geometry, window and photometric tags
LINKS = (
    "SOPInstanceUID",
    "StudyInstanceUID",
    "AccessionNumber",
)  # used to find the report in a table; never stored
CODE = re.compile(r"[A-Za-z0-9_ -]{1,16}")  # CS of PS3.5 table 6.2-1, and common deviations from it
OFTEN_BURNED_IN = ("US", "SC", "XA", "RF")
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture and its multi-frame variants
PERSONAL_GROUPS = {0x0010, 0x0032, 0x0038, 0x0040, 0x0088, 0x4008}  # patient, orders, visits, icons, results
CURVES_AND_OVERLAYS = {0x50, 0x60}


@dataclass(frozen=True)
class AllowedTags:
    """The tags of one file that may be used.

    codes, description   may be stored; "" where the file has none, or where it may name a person
    uid, patient, links  used once, to tell files apart and to find their reports; must not be stored
    warnings             reason codes that the import report counts
    """

    codes: dict[str, str]
    description: str
    uid: str
    patient: str
    links: tuple[str, ...]
    warnings: tuple[str, ...]


def read_allowed_tags(content: bytes) -> AllowedTags:
    """The allowed tags of a file that has an image; `Skipped` says why it cannot be imported."""
    tags = open_dicom(content)
    pixel_tag(tags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings quote values
        try:
            return _allowed_tags(tags)
        except (Exception, RecursionError) as error:  # pydicom converts a value on first access
            raise corrupt(error) from error


def pseudonym(patient: str, secret: str) -> str:
    """A keyed hash of the patient id. Without the secret it cannot be reversed by trying ids."""
    return "p" + hmac.new(secret.encode(), patient.encode(), hashlib.sha256).hexdigest()[:12]


def _allowed_tags(tags: FileDataset) -> AllowedTags:
    persons = _persons(tags)
    codes = {name: _code(_cell(tags, name), persons) for name in CODES}
    side = codes.pop("ImageLaterality")
    codes["Laterality"] = codes["Laterality"] or side
    said = [codes["Modality"], *(_phrase(_cell(tags, name), persons) for name in PHRASES)]
    said.append(codes["BodyPartExamined"])
    flags = {"dicom_phi_removed": _has_personal_tags(tags), "warn_burned_in_text": _may_be_burned_in(tags)}
    return AllowedTags(
        codes=codes,
        description=". ".join(dict.fromkeys(filter(None, said))),
        uid=_cell(tags, LINKS[0]),
        patient=_cell(tags, "PatientID"),
        links=tuple(filter(None, (_cell(tags, name) for name in LINKS))),
        warnings=tuple(code for code, is_set in flags.items() if is_set),
    )


def _cell(tags: FileDataset, keyword: str) -> str:
    """A tag's value on one line, "" if there is none."""
    value = tags.get(keyword)
    return "" if value is None else " ".join(str(value).split())


def _code(value: str, persons: frozenset[str]) -> str:
    """The value if it is a code as the standard defines it and names no person, else ""."""
    return value if CODE.fullmatch(value) and persons.isdisjoint(_words(value)) else ""


def _phrase(value: str, persons: frozenset[str]) -> str:
    """The phrase if no identifier was found in it, else ""."""
    return value if persons.isdisjoint(_words(value)) and not identifiers(value) else ""


def _words(value: str) -> frozenset[str]:
    return frozenset(w for w in re.findall(r"\w+", value.casefold()) if len(w) > 2)


def _persons(tags: FileDataset) -> frozenset[str]:
    """The words of all person names and numbers in the top level of the file."""
    named = [_raw_text(tags, tag) for tag in list(tags.keys()) if _vr(tag) == "PN"]
    return _words(" ".join([*named, _cell(tags, "PatientID"), _cell(tags, "AccessionNumber")]))


def _raw_text(tags: FileDataset, tag: pydicom.tag.BaseTag) -> str:
    """The value without converting it: its VR or character set may be invalid."""
    element = tags.get_item(tag)
    value = element.value if element is not None else ""
    if isinstance(value, bytes):
        value = f"{value.decode('latin-1')} {value.decode('utf-8', 'ignore')}"
    return str(value or "").replace("^", " ")


def _vr(tag: pydicom.tag.BaseTag) -> str:
    return pydicom.datadict.dictionary_VR(tag) if pydicom.datadict.dictionary_has_tag(tag) else ""


def _has_personal_tags(tags: FileDataset) -> bool:
    """Whether tags were dropped that are about the patient, private, or overlays."""
    return any(_is_personal(tag) and _raw_text(tags, tag).strip() for tag in list(tags.keys()))


def _is_personal(tag: pydicom.tag.BaseTag) -> bool:
    marked = tag.group in PERSONAL_GROUPS or tag.group >> 8 in CURVES_AND_OVERLAYS
    return tag.is_private or marked or _vr(tag) == "PN"


def _may_be_burned_in(tags: FileDataset) -> bool:
    said = _cell(tags, "BurnedInAnnotation").upper()
    secondary = _cell(tags, "SOPClassUID").startswith(SECONDARY)
    return said != "NO" and (secondary or _cell(tags, "Modality").upper() in OFTEN_BURNED_IN)
