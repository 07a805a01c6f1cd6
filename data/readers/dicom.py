"""DICOM files: one study an object, with the reports that a table or text files beside them hold.

Of the tags only those named here are read; names, dates and numbers of patients never become cells.
PatientID is kept as a hash, so that pictures of one patient stay together.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydicom.dataset import FileDataset

from data.dicom_file import is_dicom, open_dicom
from data.errors import Refused, Skipped
from data.raw import Files, RawStudies, Roles
from data.readers.choose import Problem, frame, studies, text_of
from data.readers.dicom_reports import Reports, find_reports
from data.readers.names import DICOM, is_picture

LAYOUT = "dicom"
EXPECTS = "DICOM files (.dcm), if need be with a table or .txt files of reports"
OWN_TABLES = r".*"
LABELS = ("Modality", "BodyPartExamined", "ViewPosition")
DESCRIBED = ("Modality", "StudyDescription", "SeriesDescription", "ProtocolName", "BodyPartExamined")
DIRECTORY = ("file_type_not_allowed", "A DICOMDIR is a list of files elsewhere and is never followed.")
PROBED = 3  # files without a suffix that `matches` opens


@dataclass(frozen=True)
class _Object:
    """What is read of one file: `keys` find its report and are not kept."""

    cells: dict[str, str]
    keys: tuple[str, ...]


def matches(files: Files) -> bool:
    """Whether most pictures are DICOM, by suffix or, without one, by their mark."""
    names = sorted(files.names())
    dicom = [n for n in names if n.lower().endswith(DICOM)]
    other = [n for n in names if is_picture(n) and not n.lower().endswith(DICOM)]
    if dicom:
        return len(dicom) >= len(other)
    return not other and any(_is_marked(files, n) for n in list(filter(_is_bare, names))[:PROBED])


def _is_bare(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name != "DICOMDIR" and (not path.suffix or path.suffix[1:].isdigit())


def _is_marked(files: Files, name: str) -> bool:
    try:
        return is_dicom(files.read(name))
    except (KeyError, Skipped):
        return False


def read(files: Files, *, table: str = "", roles: Roles | None = None) -> RawStudies:
    """One row a file. Text: reports beside the files, else what the tags describe."""
    reports = find_reports(files, table)
    records, problems = _records(files, reports)
    if not records:
        raise Refused("no_usable_files", _nothing(problems))
    texts = reports.texts if any(r.get(t) for r in records for t in reports.texts) else ("description",)
    columns = ["study_id", "image", "group", "description", *LABELS, *reports.columns]
    rows = frame(records, list(dict.fromkeys(columns)))
    guess = Roles(
        study_id="study_id",
        images=("image",),
        texts=texts,
        labels=tuple(dict.fromkeys((*LABELS, *reports.labels))),
        group="group",
        split=reports.split,
    )
    return studies(LAYOUT, rows, guess, roles, files, problems=tuple(problems))


def _records(files: Files, reports: Reports) -> tuple[list[dict[str, str]], list[Problem]]:
    names = sorted(files.names())
    records: list[dict[str, str]] = []
    problems: list[Problem] = [(n, *DIRECTORY) for n in names if PurePosixPath(n).name == "DICOMDIR"]
    for name in names:
        if not (name.lower().endswith(DICOM) or (_is_bare(name) and _is_marked(files, name))):
            continue
        try:
            records.append(_record(files, name, reports))
        except Skipped as error:
            problems.append((name, error.code, error.message))
    return records, problems


def _nothing(problems: list[Problem]) -> str:
    first = f" The first problem: {problems[0][0]!r}: {problems[0][2]}" if problems else ""
    return f"Expected {EXPECTS}; none of the files could be read.{first}"


def _record(files: Files, name: str, reports: Reports) -> dict[str, str]:
    try:
        content = files.read(name)
    except KeyError as error:
        raise Skipped("member_corrupt", "The file cannot be read.") from error
    found = _object(content, name)
    beside = reports.beside(name)
    report = {"report": text_of(files, beside)} if beside else {}
    return found.cells | reports.row(found.keys) | report


def _object(content: bytes, name: str) -> _Object:
    tags = open_dicom(content, pixels=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote values
        return _of_tags(tags, name)


def _of_tags(tags: FileDataset, name: str) -> _Object:
    if "Rows" not in tags:
        raise Skipped("dicom_no_pixels", "The DICOM file has no picture (a report, a PDF, a directory).")
    uid = _cell(tags, "SOPInstanceUID") or PurePosixPath(name).stem
    patient = _cell(tags, "PatientID")
    cells = {"study_id": uid, "image": name, "group": _hashed(patient) if patient else uid}
    cells |= {label: _cell(tags, label) for label in LABELS}
    cells["description"] = ". ".join(dict.fromkeys(filter(None, (_cell(tags, d) for d in DESCRIBED))))
    path = PurePosixPath(name)
    linked = (_cell(tags, key) for key in ("StudyInstanceUID", "AccessionNumber"))
    return _Object(cells, tuple(filter(None, (uid, name, path.name, path.stem, *linked))))


def _hashed(patient: str) -> str:
    return "p" + hashlib.sha256(patient.encode()).hexdigest()[:10]


def _cell(tags: FileDataset, keyword: str) -> str:
    """A tag's value in one line; "" if it is missing or cannot be read."""
    try:
        value = tags.get(keyword)
    except Exception as error:  # pydicom converts a value when it is first asked for: see open_dicom
        raise Skipped("dicom_corrupt", f"The tag {keyword} is damaged ({type(error).__name__}).") from error
    return "" if value is None else " ".join(str(value).split())
