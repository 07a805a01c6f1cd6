"""DICOM files: one study an object, with the reports that a table or text files beside them hold.

Of the tags only `suture.data.dicom.tags.KEPT_TAGS` become cells. A study is called as its file:
identifiers of the archive are not kept. PatientID is kept as a keyed hash, so that pictures of one patient
stay together while nobody can try out numbers on it; the key is kept nowhere.
"""

from __future__ import annotations

import secrets
from pathlib import PurePosixPath

from suture.data.dicom.magic import is_dicom
from suture.data.dicom.tags import KnownTags, known_tags, pseudonym
from suture.data.errors import Refused, Skipped
from suture.data.files.names import label, shown
from suture.data.raw_studies import Files, RawStudies, Roles
from suture.data.readers.file_lookup import DICOM, is_picture
from suture.data.readers.finish import Problem, frame, studies, text_of
from suture.data.readers.layouts.dicom_reports import Reports, find_reports

LAYOUT = "dicom"
EXPECTS = "DICOM files (.dcm), if need be with a table or .txt files of reports"
OWN_TABLES = r".*"
LABELS = ("Modality", "BodyPartExamined", "ViewPosition", "Laterality")
PROBED = 3  # files without a suffix that `matches` opens


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


def read(files: Files, *, table: str = "", roles: Roles | None = None, secret: str = "") -> RawStudies:
    """One row a file. Text: reports beside the files, else what the tags describe.

    secret  the key of the patients' pseudonyms: the same key, the same pseudonyms; "" = one of its own
    """
    reports = find_reports(files, table)
    found = Found(files, secret)
    problems: list[Problem] = []
    records: list[dict[str, str]] = []
    for name in filter(lambda n: _is_ours(files, n), sorted(files.names())):
        try:
            records.append(_record(files, name, reports, found))
        except Skipped as error:
            problems.append((name, error.code, error.message))
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


class Found:
    """What is remembered from file to file: which pictures came already, and what to tell of them."""

    def __init__(self, files: Files, secret: str = "") -> None:
        self._files = files
        self._secret = secret or secrets.token_hex()
        self._names: dict[str, str] = {}

    def add(self, content: bytes, name: str) -> tuple[KnownTags, str]:
        """The tags of one more file and its patient's pseudonym ("" if it names none).

        `Skipped` if it cannot be taken, or a file with its identifier came before.
        """
        tags = known_tags(content)
        if tags.uid and tags.uid in self._names:
            first = shown(self._names[tags.uid])
            raise Skipped("duplicate_id", f"It has the SOP Instance UID of {first}, which is taken.")
        if tags.uid:
            self._names[tags.uid] = name
        for code in tags.warnings:
            self._files.noted.warn(code, name)
        return tags, pseudonym(tags.patient, self._secret) if tags.patient else ""


def _is_ours(files: Files, name: str) -> bool:
    known = name.lower().endswith(DICOM) or PurePosixPath(name).name == "DICOMDIR"
    return known or (_is_bare(name) and _is_marked(files, name))


def _nothing(problems: list[Problem]) -> str:
    first = f" The first problem: {shown(problems[0][0])}: {problems[0][2]}" if problems else ""
    return f"Expected {EXPECTS}; none of the files could be read.{first}"


def _record(files: Files, name: str, reports: Reports, found: Found) -> dict[str, str]:
    try:
        content = files.read(name)
    except KeyError as error:
        raise Skipped("member_corrupt", "The file cannot be read.") from error
    tags, patient = found.add(content, name)
    path = PurePosixPath(name)
    study_id = _label(path)
    cells = {"study_id": study_id, "image": name, "group": patient or study_id}
    cells |= {**tags.codes, "description": tags.description}
    beside = reports.beside(name)
    report = {"report": text_of(files, beside)} if beside else {}
    return cells | reports.row((*tags.links, name, path.name, path.stem)) | report


def _label(path: PurePosixPath) -> str:
    plain = path.with_suffix("") if path.suffix.lower() in DICOM else path  # 1.2.840 has no suffix
    return label(plain.as_posix())
