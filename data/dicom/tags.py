"""What is kept of a DICOM file beside its picture: an allow-list. All other tags go no further.

Not a deny-list: PS3.15 Annex E names hundreds of tags to remove, and private ones add to them.
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
PHRASES = ("StudyDescription", "SeriesDescription", "ProtocolName")  # typed by people: each is looked through
KEPT_TAGS = CODES + PHRASES  # the picture is decoded with its own tags: geometry, window, photometric
LINKS = ("SOPInstanceUID", "StudyInstanceUID", "AccessionNumber")  # find a report in a table; never kept
CODE = re.compile(r"[A-Za-z0-9_ -]{1,16}")  # CS of PS3.5 table 6.2-1, and what is often written instead
OFTEN_BURNED_IN = ("US", "SC", "XA", "RF")
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture and its multi-frame kinds
PERSONAL_GROUPS = {0x0010, 0x0032, 0x0038, 0x0040, 0x0088, 0x4008}  # patient, orders, visits, icons, results
CURVES_AND_OVERLAYS = {0x50, 0x60}


@dataclass(frozen=True)
class KnownTags:
    """The tags of one file that may be used.

    codes, description  may be kept; "" where there is none, or where it may name a person
    uid, patient, links  are used once, to tell files apart and to find their reports: not to be kept
    warnings  reason codes of what a person should be told
    """

    codes: dict[str, str]
    description: str
    uid: str
    patient: str
    links: tuple[str, ...]
    warnings: tuple[str, ...]


def known_tags(content: bytes) -> KnownTags:
    """Of a file with a picture; `Skipped` says why it cannot be taken."""
    tags = open_dicom(content)
    pixel_tag(tags)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values
        try:
            return _known(tags)
        except (Exception, RecursionError) as error:  # pydicom converts a value when it is first asked for
            raise corrupt(error) from error


def pseudonym(patient: str, secret: str) -> str:
    """The same for the same patient and secret; without the secret, ids cannot be tried out on it."""
    return "p" + hmac.new(secret.encode(), patient.encode(), hashlib.sha256).hexdigest()[:12]


def _known(tags: FileDataset) -> KnownTags:
    persons = _persons(tags)
    codes = {name: _code(_cell(tags, name), persons) for name in CODES}
    side = codes.pop("ImageLaterality")
    codes["Laterality"] = codes["Laterality"] or side
    said = [codes["Modality"], *(_phrase(_cell(tags, name), persons) for name in PHRASES)]
    said.append(codes["BodyPartExamined"])
    told = {"dicom_phi_removed": _is_personal(tags), "warn_burned_in_text": _may_be_burned_in(tags)}
    return KnownTags(
        codes=codes,
        description=". ".join(dict.fromkeys(filter(None, said))),
        uid=_cell(tags, LINKS[0]),
        patient=_cell(tags, "PatientID"),
        links=tuple(filter(None, (_cell(tags, name) for name in LINKS))),
        warnings=tuple(code for code, here in told.items() if here),
    )


def _cell(tags: FileDataset, keyword: str) -> str:
    """A tag's value in one line, "" if there is none."""
    value = tags.get(keyword)
    return "" if value is None else " ".join(str(value).split())


def _code(value: str, persons: frozenset[str]) -> str:
    """A value of the standard's kind, "" for whatever else was written there."""
    return value if CODE.fullmatch(value) and persons.isdisjoint(_words(value)) else ""


def _phrase(value: str, persons: frozenset[str]) -> str:
    """A phrase in which nothing was found that identifies; "" else."""
    return value if persons.isdisjoint(_words(value)) and not identifiers(value) else ""


def _words(value: str) -> frozenset[str]:
    return frozenset(w for w in re.findall(r"\w+", value.casefold()) if len(w) > 2)


def _persons(tags: FileDataset) -> frozenset[str]:
    """The words of all names and numbers of persons in the file's first level."""
    named = [_raw_text(tags, tag) for tag in list(tags.keys()) if _vr(tag) == "PN"]
    return _words(" ".join([*named, _cell(tags, "PatientID"), _cell(tags, "AccessionNumber")]))


def _raw_text(tags: FileDataset, tag: pydicom.tag.BaseTag) -> str:
    """The value without asking what it is: its VR or character set may be nonsense."""
    element = tags.get_item(tag)
    value = element.value if element is not None else ""
    if isinstance(value, bytes):
        value = f"{value.decode('latin-1')} {value.decode('utf-8', 'ignore')}"
    return str(value or "").replace("^", " ")


def _vr(tag: pydicom.tag.BaseTag) -> str:
    return pydicom.datadict.dictionary_VR(tag) if pydicom.datadict.dictionary_has_tag(tag) else ""


def _is_personal(tags: FileDataset) -> bool:
    """Whether anything was left out that is about the patient, private, or an overlay."""
    return any(_is_about_somebody(tag) and _raw_text(tags, tag).strip() for tag in list(tags.keys()))


def _is_about_somebody(tag: pydicom.tag.BaseTag) -> bool:
    marked = tag.group in PERSONAL_GROUPS or tag.group >> 8 in CURVES_AND_OVERLAYS
    return tag.is_private or marked or _vr(tag) == "PN"


def _may_be_burned_in(tags: FileDataset) -> bool:
    said = _cell(tags, "BurnedInAnnotation").upper()
    secondary = _cell(tags, "SOPClassUID").startswith(SECONDARY)
    return said != "NO" and (secondary or _cell(tags, "Modality").upper() in OFTEN_BURNED_IN)
