"""DICOM files: one study per file, with reports from a table or from text files beside them.

Only the tags in `suture.data.dicom.tags.KEPT_TAGS` become cells. A study is named after its file; identifiers
of the archive are not kept. PatientID is replaced by a keyed hash, so that images of one patient stay
together but the number cannot be found by trying; the key is not stored.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import PurePosixPath

from suture.data.dicom.pixels import dicom_pixels
from suture.data.dicom.tags import AllowedTags, pseudonym, read_allowed_tags
from suture.data.errors import Refused, Skipped
from suture.data.files.magic import is_dicom
from suture.data.files.names import printable_id, quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import DICOM, Lookup, is_image_name
from suture.data.readers.finish import Problem, build_raw_studies, read_text_file, table_from_records
from suture.data.readers.image_lists import find_images
from suture.data.readers.layouts.dicom_reports import Reports, find_reports
from suture.data.readers.layouts.table import is_table
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.roles import guess_roles
from suture.data.tables.reading import read_table

LAYOUT = "dicom"
EXPECTS = "DICOM files (.dcm), with or without a table or .txt files of reports"
OWN_TABLES = r".*"
LABELS = ("Modality", "BodyPartExamined", "ViewPosition", "Laterality")
MAX_PROBED_FILES = 3  # files without a suffix that `matches` opens


def matches(files: Files) -> bool:
    """Whether most images are DICOM, by suffix or, if there is none, by the DICM mark."""
    names = sorted(files.names())
    dicom = [n for n in names if n.lower().endswith(DICOM)]
    other = [n for n in names if is_image_name(n) and not n.lower().endswith(DICOM)]
    if dicom and other and any(map(is_table, names)):
        return not _table_names(files, names, {*other})
    if dicom:
        return len(dicom) >= len(other)
    return not other and any(_is_marked(files, n) for n in list(filter(_is_bare, names))[:MAX_PROBED_FILES])


def _table_names(files: Files, names: list[str], others: set[str]) -> bool:
    """Whether a table names some of the other images: then it holds the studies, whatever their format."""
    lookup = Lookup.of_images(files)
    for name in list(filter(is_table, names))[:MAX_PROBED_FILES]:
        try:
            rows = read_table(files.read(name), name, ReadIssues())
        except (KeyError, Refused, Skipped):
            continue
        cells = {cell for column in guess_roles(rows, files).images for cell in rows[column]}
        folder = PurePosixPath(name).parent.as_posix()
        if any(find_images(cell, folder, lookup).name in others for cell in cells):
            return True
    return False


def _is_bare(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name != "DICOMDIR" and (not path.suffix or path.suffix[1:].isdigit())


def _is_marked(files: Files, name: str) -> bool:
    try:
        return is_dicom(files.read(name))
    except (KeyError, Skipped):
        return False


def read(files: Files, *, table: str = "", roles: Roles | None = None, secret: str = "") -> RawStudies:
    """One row per file. Text: reports beside the files, else the description in the tags.

    secret  the key of the patient pseudonyms: the same key gives the same pseudonyms; "" = a new one
    """
    reports = find_reports(files, table)
    reader = DicomTagReader(files, secret)
    problems: list[Problem] = []
    records: list[dict[str, str]] = []
    for name in filter(lambda n: _is_ours(files, n), sorted(files.names())):
        try:
            records.append(_record(files, name, reports, reader))
        except Skipped as error:
            problems.append((name, error.code, error.message))
    if not records:
        raise Refused("no_usable_files", _nothing(problems))
    texts = reports.texts if any(r.get(t) for r in records for t in reports.texts) else ("description",)
    columns = ["study_id", "image", "group", "description", *LABELS, *reports.columns]
    rows = table_from_records(records, list(dict.fromkeys(columns)))
    guess = Roles(
        study_id="study_id",
        images=("image",),
        texts=texts,
        labels=tuple(dict.fromkeys((*LABELS, *reports.labels))),
        group="group",
        split=reports.split,
    )
    raw = build_raw_studies(LAYOUT, rows, guess, roles, files, problems=(*problems, *reports.unread))
    return replace(raw, unmatched=reports.unmatched())


class DicomTagReader:
    """Reads the allowed tags of DICOM files, finds duplicates among them, and records their warnings."""

    def __init__(self, files: Files, secret: str = "") -> None:
        self._files = files
        self._secret = secret or secrets.token_hex()
        self._names: dict[str, str] = {}

    def add(self, content: bytes, name: str) -> tuple[AllowedTags, str]:
        """The tags of one file, and the pseudonym of its patient ("" if it names none).

        `Skipped` if it cannot be imported, or an earlier file has the same SOP Instance UID and an image that
        can be decoded: a damaged copy does not use up the id.
        """
        tags = read_allowed_tags(content)
        if tags.uid and tags.uid in self._names and self._has_image(self._names[tags.uid]):
            first = quoted(self._names[tags.uid])
            raise Skipped("duplicate_id", f"It has the same SOP Instance UID as {first}, which is imported.")
        if tags.uid:
            self._names[tags.uid] = name
        for code in tags.warnings:
            self._files.issues.warn(code, name)
        return tags, pseudonym(tags.patient, self._secret) if tags.patient else ""

    def _has_image(self, name: str) -> bool:
        try:
            dicom_pixels(self._files.read(name))
        except (KeyError, Skipped):
            return False
        return True


def _is_ours(files: Files, name: str) -> bool:
    known = name.lower().endswith(DICOM) or PurePosixPath(name).name == "DICOMDIR"
    return known or (_is_bare(name) and _is_marked(files, name))


def _nothing(problems: list[Problem]) -> str:
    first = f" The first problem: {quoted(problems[0][0])}: {problems[0][2]}" if problems else ""
    return f"Expected {EXPECTS}; none of the files could be read.{first}"


def _record(files: Files, name: str, reports: Reports, reader: DicomTagReader) -> dict[str, str]:
    try:
        content = files.read(name)
    except KeyError as error:
        raise Skipped("member_corrupt", "The file cannot be read. Copy it again.") from error
    tags, patient = reader.add(content, name)
    path = PurePosixPath(name)
    study_id = _label(path)
    cells = {"study_id": study_id, "image": name, "group": patient or study_id}
    cells |= {**tags.codes, "description": tags.description}
    beside = reports.beside(name)
    report = {"report": read_text_file(files, beside)} if beside else {}
    return cells | reports.row((*tags.links, name, path.name, path.stem)) | report


def _label(path: PurePosixPath) -> str:
    plain = path.with_suffix("") if path.suffix.lower() in DICOM else path  # 1.2.840 has no suffix
    return printable_id(plain.as_posix())
