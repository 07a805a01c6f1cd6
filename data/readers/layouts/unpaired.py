"""Images in no particular layout, each a study, with the .txt report of the same name if there is one.

Also .txt reports without an image, and a table of reports alone. This layout is never guessed for an import,
where an image without a report is a mistake; for query studies it may be all that there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from suture.data.errors import Refused, Skipped
from suture.data.files.magic import is_dicom
from suture.data.files.names import printable_id
from suture.data.files.read_issues import Problem
from suture.data.files.sources import Files
from suture.data.readers.finish import (
    build_raw_studies,
    columns_missing,
    read_named_table,
    read_text_file,
    table_from_records,
)
from suture.data.readers.layouts.dicom import DicomTagReader
from suture.data.readers.layouts.table import is_table
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.roles import guess_roles

LAYOUT = "loose"
EXPECTS = "images (PNG, JPEG, TIFF, DICOM …), .txt reports, or a table of reports"
DESCRIPTION_SUFFIXES = (".json", ".jsonl", ".xml", ".arrow", ".tar")  # other layouts read these beside images
# Known to be neither images nor reports. Files with other suffixes are judged by their content.
OTHER_SUFFIXES = (
    *DESCRIPTION_SUFFIXES,
    *(".svg", ".svgz", ".pdf", ".eps", ".ps", ".psd", ".ai", ".html", ".htm", ".mp4", ".avi", ".mov"),
    *(".gz", ".pkl", ".pickle", ".joblib", ".yaml", ".yml", ".toml", ".npy", ".npz", ".mat", ".h5", ".hdf5"),
    *(".nii", ".pt", ".pth", ".ckpt", ".safetensors", ".onnx"),
    *(".xls", ".xlsx", ".ods", ".doc", ".docx", ".rtf"),
)
NO_REPORT = "The report is empty, and there is no image with it."


def matches(files: Files) -> bool:
    """Whether there are no tables or other descriptions beside the images and .txt files."""
    names = [*files.names()]
    return not any(is_table(n) or n.lower().endswith(DESCRIPTION_SUFFIXES) for n in names)


def read(files: Files) -> RawStudies:
    """One study per image, and one per report without an image; exact duplicates count once."""
    names = sorted(files.names())
    reports = {_path(n): n for n in names if n.lower().endswith(".txt")}
    tables = [*filter(is_table, names)]
    others = [n for n in names if n.lower().endswith(OTHER_SUFFIXES) and n not in tables]
    images = sorted({*names} - {*reports.values(), *tables, *others})
    if tables and not (images or reports):
        return without_missing_images(_of_table(files, tables[0]))
    if not (images or reports or files.issues.problems()):
        code = "file_type_not_allowed" if others else "no_usable_files"
        raise Refused(code, f"Expected {EXPECTS}; found none of these.")
    problems: list[Problem] = [
        (n, "file_type_not_allowed", f"Expected {EXPECTS}.") for n in (*others, *tables)
    ]
    records = _records(files, images, reports, problems)
    rows = table_from_records(records, ["study_id", "image", "report"])
    roles = Roles(study_id="study_id", images=("image",), texts=("report",))
    return build_raw_studies(LAYOUT, rows, roles, roles, files, problems=tuple(problems))


def _records(
    files: Files, images: Iterable[str], reports: dict[str, str], problems: list[Problem]
) -> list[dict[str, str]]:
    with_picture = {*map(_path, images)}
    lone = [n for path, n in reports.items() if path not in with_picture]
    records: dict[tuple[str, str], dict[str, str]] = {}
    reader = DicomTagReader(files)
    ids: set[str] = set()
    for name in (*images, *lone):
        try:
            key, record = _study(files, name, reports.get(_path(name), ""), reader)
            if key in records:
                same = f"It is the same as {records[key]['study_id']!r}, which is imported."
                raise Skipped("duplicate_file", same)
        except Skipped as error:
            problems.append((name, error.code, error.message))
            continue
        if record["study_id"] in ids:  # a.png beside a.jpg
            record["study_id"] = printable_id(name)
        ids.add(record["study_id"])
        records[key] = record
    return [*records.values()]


def _study(
    files: Files, name: str, report: str, reader: DicomTagReader
) -> tuple[tuple[str, str], dict[str, str]]:
    """(key that is equal for duplicates, row) of an image, or of a report if `name` is the report."""
    image = "" if name == report else name
    text = read_text_file(files, report) if report else ""
    try:
        content = files.read(image) if image else b""
    except KeyError as error:
        raise Skipped("member_corrupt", "The file cannot be read. Copy it again.") from error
    if is_dicom(content, image):
        reader.add(content, image)
    same = hashlib.sha256(content).hexdigest() if image else ""
    return (same, text), {"study_id": printable_id(_path(name)), "image": image, "report": text}


def _path(name: str) -> str:
    """The name without its extension."""
    return PurePosixPath(name).with_suffix("").as_posix()


def _of_table(files: Files, name: str) -> RawStudies:
    """The rows of a table that has only reports."""
    rows = read_named_table(files, name)
    roles = guess_roles(rows, files)
    if not roles.texts:
        raise columns_missing("Expected a column of reports; name it report.", rows)
    return build_raw_studies(LAYOUT, rows, replace(roles, images=()), None, files)


def without_missing_images(raw: RawStudies) -> RawStudies:
    """The reports alone, if none of the table's images are among the files; else `raw` unchanged.

    Rows without a report are then skipped.
    """
    names = {*raw.files.names()}
    if any(raw.rows[c].isin(names).any() for c in raw.roles.images) or not raw.roles.texts:
        return raw
    empty = raw.rows[list(raw.roles.texts)].eq("").all(axis=1)
    ids = raw.rows[raw.roles.study_id] if raw.roles.study_id else "row " + (raw.rows.index + 1).astype(str)
    left = [(str(i), "report_empty", NO_REPORT) for i, gone in zip(ids, empty, strict=True) if gone]
    warnings = {**raw.warnings, **({"warn_no_pictures": int((~empty).sum())} if raw.roles.images else {})}
    return replace(
        raw,
        rows=raw.rows[~empty].reset_index(drop=True),
        roles=replace(raw.roles, images=()),
        problems=(*raw.problems, *left),
        warnings=warnings,
    )
