"""Pictures as they lie about, each a study, with the .txt report of the same name if there is one.

Also .txt reports without a picture, and a table of reports alone. Never guessed for an import, where a
picture without a report is an oversight; for studies that visit it may be all that there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from suture.data.dicom.magic import is_dicom
from suture.data.errors import Refused, Skipped
from suture.data.files.names import label
from suture.data.raw_studies import Files, Problem, RawStudies, Roles
from suture.data.readers.finish import columns_missing, frame, studies, table_of, text_of
from suture.data.readers.layouts.dicom import Found
from suture.data.readers.layouts.table import is_table
from suture.data.readers.roles import guess_roles

LAYOUT = "loose"
EXPECTS = "pictures (PNG, JPEG, TIFF, DICOM …), .txt reports, or a table of reports"
DESCRIBING = (".json", ".jsonl", ".xml", ".arrow")  # beside pictures, other layouts read them
# Known, and neither a picture nor a report. What else there is, its content decides.
OTHERS = (
    *DESCRIBING,
    *(".svg", ".svgz", ".pdf", ".eps", ".ps", ".psd", ".ai", ".html", ".htm", ".mp4", ".avi", ".mov"),
    *(".gz", ".pkl", ".pickle", ".joblib", ".yaml", ".yml", ".toml", ".npy", ".npz", ".mat", ".h5", ".hdf5"),
    *(".nii", ".pt", ".pth", ".ckpt", ".safetensors", ".onnx"),
    *(".xls", ".xlsx", ".ods", ".doc", ".docx", ".rtf"),
)
NO_REPORT = "The report is empty, and no picture comes with it."


def matches(files: Files) -> bool:
    """Whether nothing beside the pictures and .txt files describes them."""
    names = [*files.names()]
    return not any(is_table(n) or n.lower().endswith(DESCRIBING) for n in names)


def read(files: Files) -> RawStudies:
    """One study a picture, one a lone report; the same picture with the same report counts once."""
    names = sorted(files.names())
    reports = {_path(n): n for n in names if n.lower().endswith(".txt")}
    tables = [*filter(is_table, names)]
    others = [n for n in names if n.lower().endswith(OTHERS)]
    images = sorted({*names} - {*reports.values(), *tables, *others})
    if tables and not (images or reports):
        return without_pictures(_of_table(files, tables[0]))
    if not (images or reports or files.noted.problems()):
        code = "file_type_not_allowed" if others else "no_usable_files"
        raise Refused(code, f"Expected {EXPECTS}; found none of these.")
    problems: list[Problem] = [
        (n, "file_type_not_allowed", f"Expected {EXPECTS}.") for n in (*others, *tables)
    ]
    records = _records(files, images, reports, problems)
    rows = frame(records, ["study_id", "image", "report"])
    roles = Roles(study_id="study_id", images=("image",), texts=("report",))
    return studies(LAYOUT, rows, roles, roles, files, problems=tuple(problems))


def _records(
    files: Files, images: Iterable[str], reports: dict[str, str], problems: list[Problem]
) -> list[dict[str, str]]:
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
        if record["study_id"] in ids:  # a.png beside a.jpg
            record["study_id"] = label(name)
        ids.add(record["study_id"])
        records[key] = record
    return [*records.values()]


def _study(files: Files, name: str, report: str, found: Found) -> tuple[tuple[str, str], dict[str, str]]:
    """(what makes it the same as another, its row) of a picture or, where `name` is the report, of that."""
    image = "" if name == report else name
    text = text_of(files, report) if report else ""
    try:
        content = files.read(image) if image else b""
    except KeyError as error:
        raise Skipped("member_corrupt", "The file cannot be read.") from error
    if is_dicom(content, image):
        found.add(content, image)
    same = hashlib.sha256(content).hexdigest() if image else ""
    return (same, text), {"study_id": label(_path(name)), "image": image, "report": text}


def _path(name: str) -> str:
    """The name without its extension."""
    return PurePosixPath(name).with_suffix("").as_posix()


def _of_table(files: Files, name: str) -> RawStudies:
    """A table whose rows are reports and nothing else."""
    rows = table_of(files, name)
    roles = guess_roles(rows, files)
    if not roles.texts:
        raise columns_missing("Expected a column of reports; name it report.", rows)
    return studies(LAYOUT, rows, replace(roles, images=()), None, files)


def without_pictures(raw: RawStudies) -> RawStudies:
    """The reports alone of a table whose pictures have not come; as it is where one of them has.

    Rows without a report are then nothing, and are left out.
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
