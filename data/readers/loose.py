"""Pictures as they lie about, each a study, with the .txt report of the same name if there is one.

Also .txt reports without a picture, and a table of reports alone. Never guessed for an import, where a
picture without a report is an oversight; for studies that visit it may be all that there is.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import PurePosixPath

from data.dicom_mark import is_dicom
from data.errors import Refused, Skipped
from data.raw import Files, RawStudies, Roles
from data.readers.choose import Problem, columns_missing, frame, studies, text_of
from data.readers.dicom import Found
from data.readers.guess import guess_roles
from data.readers.names import pictures
from data.readers.table import is_table
from data.tables import read_table

LAYOUT = "loose"
EXPECTS = "pictures (PNG, JPEG, TIFF, DICOM …), .txt reports, or a table of reports"
DESCRIBING = (".json", ".jsonl", ".xml", ".arrow")  # beside pictures, other layouts read them


def matches(files: Files) -> bool:
    """Whether nothing beside the pictures and .txt files describes them."""
    names = [*files.names()]
    return not any(is_table(n) or n.lower().endswith(DESCRIBING) for n in names)


def read(files: Files) -> RawStudies:
    """One study a picture, one a lone report; the same picture with the same report counts once."""
    names = sorted(files.names())
    images, reports = pictures(names), {_path(n): n for n in names if n.lower().endswith(".txt")}
    if not (images or reports):
        return _of_table(files, next(filter(is_table, names), ""))
    used = {*images, *reports.values()}
    problems: list[Problem] = [
        (n, "file_type_not_allowed", f"Expected {EXPECTS}.") for n in names if n not in used
    ]
    with_picture = {*map(_path, images)}
    lone = [n for path, n in reports.items() if path not in with_picture]
    records: dict[tuple[str, str], dict[str, str]] = {}
    found = Found(files)
    ids: set[str] = set()
    for name in (*images, *lone):
        try:
            key, record = _study(files, name, reports.get(_path(name), ""), found)
            if key in records:
                same = f"It is the same as {records[key]['study_id']!r}, which is taken."
                raise Skipped("duplicate_file", same)
        except Skipped as error:
            problems.append((name, error.code, error.message))
            continue
        record["study_id"] = name if record["study_id"] in ids else record["study_id"]  # a.png beside a.jpg
        ids.add(record["study_id"])
        records[key] = record
    rows = frame([*records.values()], ["study_id", "image", "report"])
    roles = Roles(study_id="study_id", images=("image",), texts=("report",))
    return studies(LAYOUT, rows, roles, roles, files, problems=tuple(problems))


def _study(files: Files, name: str, report: str, found: Found) -> tuple[tuple[str, str], dict[str, str]]:
    """(what makes it the same as another, its row) of a picture or, where `name` is the report, of that."""
    image = "" if name == report else name
    text = text_of(files, report) if report else ""
    try:
        content = files.read(image) if image else b""
    except KeyError as error:
        raise Skipped("member_corrupt", f"{name[:100]!r} cannot be read.") from error
    if is_dicom(content, image):
        found.add(content, image)
    same = hashlib.sha256(content).hexdigest() if image else ""
    return (same, text), {"study_id": _path(name), "image": image, "report": text}


def _path(name: str) -> str:
    """The name without its extension."""
    return PurePosixPath(name).with_suffix("").as_posix()


def _of_table(files: Files, name: str) -> RawStudies:
    """A table whose rows are reports and nothing else."""
    if not name:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; found none of these.")
    rows = read_table(files.read(name), name)
    roles = guess_roles(rows, files)
    if not roles.texts:
        raise columns_missing("Expected a column of reports; name it report.", rows)
    return studies(LAYOUT, rows, replace(roles, images=()), None, files)
