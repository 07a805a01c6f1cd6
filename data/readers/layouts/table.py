"""Any table with a column of image names and a column of text; else images beside .txt reports.

Train, val and test tables with the same columns are joined; of several other tables, the one whose rows name
the most images is read.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd

from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import Problem, ReadIssues
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import (
    NOTHING,
    Lookup,
    is_image_name,
    resolve,
    split_of,
    stem,
    why_absent,
)
from suture.data.readers.finish import (
    TABLE_NOT_USED,
    build_raw_studies,
    read_text_file,
    refuse_absent,
    table_from_records,
)
from suture.data.readers.image_lists import find_images
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.roles import guess_roles
from suture.data.readers.table_join import join, shared_ids
from suture.data.tables.reading import SUFFIXES, TAR, read_table

__all__ = ["EXPECTS", "LAYOUT", "OWN_TABLES", "guess_roles", "matches", "read", "resolve"]

LAYOUT = "table"
EXPECTS = (
    "a table (CSV, TSV, Parquet, JSON, JSONL, .xlsx) beside its images, or images beside .txt reports of the "
    "same name"
)
OWN_TABLES = r".*"
MAX_TABLES = 50
SHOWN = 5  # names of tables that a note lists
NO_PLACE = (
    "The row names several images, and a study holds one of each modality: the first is taken. Give each "
    "image a row, or a column, of its own."
)
FOLDER = "patient_folder"  # a column made of the images' paths
PATIENT_FOLDER = r"(?i)(?:^|/)((?:patient|subject|sub|pat|p)[-_]?\d+)/"
SAMPLE = 500  # cells looked at to tell what files a column names
OTHER_FILES = r"(\.(?:nii\.gz|nii|npy|npz|mha|mhd|nrrd|h5|hdf5|mat|mp4|avi|pt|pth|pdf|zip|svs|gz))$"
TABLE_SUFFIXES = tuple(
    s for s in SUFFIXES if s not in (".txt", *TAR)
)  # a .txt is a report unless the user names it as the table


@dataclass(frozen=True)
class _Table:
    """A table, the files it comes from, and for each row the folder that its paths can be relative to."""

    rows: pd.DataFrame
    names: list[str]
    folders: list[str]
    why: str = "its rows name the most images that are here"
    key: str = ""  # the id by which two tables were joined


def matches(files: Files) -> bool:
    """Whether there is a table, or an image with a report beside it."""
    names = list(files.names())
    return any(is_table(name) for name in names) or bool(_pairs(names))


def is_table(name: str) -> bool:
    """Whether the suffix is that of a table."""
    return name.lower().endswith(TABLE_SUFFIXES)


def read(
    files: Files, *, table: str = "", roles: Roles | None = None, given: Roles | None = None
) -> RawStudies:
    """The table called `table`, else the best table, else images with reports.

    given  roles that the user named; they decide which table is the best, and the others are guessed
    """
    given = given or Roles()
    names = [_called(files, table)] if table else _tables(files)
    free = not (table or roles or given.columns())
    reports = free and bool(_pairs([*files.names()]))  # a stray table beside them does not matter
    found, issues, problems = _load(files, names, spare=reports)
    if not found:
        return _beside(files, roles, problems)
    tables = _joined(found)
    best = _best(tables, files, given, roles)
    for name in best.names:
        files.issues.merge(issues[name])
    problems += [(name, "table_not_used", TABLE_NOT_USED) for name in found if name not in best.names]
    refuse_absent(given, best.rows)
    pictured = _with_pictures(best, roles or guess_roles(best.rows, files, given), files)
    rows, used = pictured.rows, pictured.roles
    if not (roles or used.group) and (patients := _patient_folders(rows, used)) is not None:
        rows, used = rows.assign(**{FOLDER: patients}), replace(used, group=FOLDER)
    if best.key and used.study_id:  # texts without an image have no file name to be called by
        ids = rows[used.study_id]
        rows = rows.assign(**{used.study_id: ids.where(ids.ne(""), rows[best.key])})
    notes = {"tables": _used(best, tables)} if len(tables) > 1 else {}
    result = build_raw_studies(
        LAYOUT, rows, used, used if roles else None, files, problems=(*problems, *pictured.left), notes=notes
    )
    result = replace(result, absent=pictured.absent)
    missing = _lacks_for_a_pair(result)
    if missing and reports:
        return _beside(files, None, [*problems, *((n, "table_columns_missing", missing) for n in found)])
    return replace(result, missing=missing)


def _best(tables: list[_Table], files: Files, given: Roles, roles: Roles | None) -> _Table:
    """The table to read; two tables joined by their ids if none alone has both images and texts."""
    if len(tables) == 1:
        return tables[0]
    scores = {number: _score(table, files, given) for number, table in enumerate(tables)}
    first = max(scores, key=lambda number: scores[number])
    named = given.columns() | (roles.columns() if roles else set())
    whole = all(scores[first][1:3]) and named <= {*tables[first].rows.columns}
    if whole:
        return tables[first]
    pictured = [n for n in scores if scores[n][1]] or [first]
    for number in sorted(pictured, key=lambda n: scores[n], reverse=True):
        others = sorted((n for n in scores if n != number), key=lambda n: scores[n][2:], reverse=True)
        for other in others:
            joined = _by_id(tables[number], tables[other])
            if joined and (scores[other][2] or named & {*tables[other].rows.columns}):
                return joined
    return tables[first]


def _by_id(images: _Table, texts: _Table) -> _Table | None:
    """Two tables as one, if they share an id."""
    keys = shared_ids(images.rows, texts.rows)
    if keys is None:
        return None
    rows = join(images.rows, texts.rows, keys, PurePosixPath(texts.names[0]).stem)
    folders = [*images.folders, *[texts.folders[0]] * (len(rows) - len(images.rows))]
    by = quoted(keys[0], 40) if keys[0] == keys[1] else f"{quoted(keys[0], 40)} and {quoted(keys[1], 40)}"
    why = f"joined by {by}: one names the images, the other has the texts"
    return _Table(rows, [*images.names, *texts.names], folders, why, keys[0])


def _used(best: _Table, tables: list[_Table]) -> str:
    """Which tables were read and why, and which were not."""
    shown = " and ".join(map(quoted, best.names[:SHOWN]))
    shown += f" and {len(best.names) - SHOWN:,} more" if len(best.names) > SHOWN else ""
    others = [name for table in tables for name in table.names if name not in best.names]
    first = ", ".join(map(quoted, others[:SHOWN])) + ", …" * (len(others) > SHOWN)
    return f"Read: {shown} ({best.why})." + (f" Not read: {first}." if others else "")


def _called(files: Files, table: str) -> str:
    name = Lookup(files.names()).find(table)
    if not name:
        raise Refused("no_usable_files", f"There is no table called {table[:100]!r} among the files.")
    return name


def _tables(files: Files) -> list[str]:
    names = sorted(filter(is_table, files.names()), key=lambda n: (n.count("/"), n))
    return names[:MAX_TABLES]


def _load(
    files: Files, names: list[str], *, spare: bool
) -> tuple[dict[str, pd.DataFrame], dict[str, ReadIssues], list[Problem]]:
    """Every readable table, and the issues of each. `Refused` if there is only one and it is damaged.

    spare  whether the source can be read without its tables
    """
    found: dict[str, pd.DataFrame] = {}
    issues: dict[str, ReadIssues] = {name: ReadIssues() for name in names}
    problems: list[Problem] = []
    for name in names:
        try:
            found[name] = read_table(files.read(name), name, issues[name])
        except (Refused, Skipped) as error:
            if len(names) == 1 and not spare:
                raise Refused(error.code, error.message) from error
            problems.append((name, error.code, error.message))
    return found, issues, problems


def _joined(found: dict[str, pd.DataFrame]) -> list[_Table]:
    """Tables with the same columns, each named after a split, become one with a column "split"."""
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, rows in found.items():
        alike[tuple(rows.columns) if split_of(name) else (name,)].append(name)
    return [_concatenated(names, found) for names in alike.values()]


def _concatenated(names: list[str], found: dict[str, pd.DataFrame]) -> _Table:
    several = len({split_of(name) for name in names}) > 1
    parts = [
        found[n].assign(split=split_of(n)) if several and "split" not in found[n] else found[n] for n in names
    ]
    folders = [f for n in names for f in [PurePosixPath(n).parent.as_posix()] * len(found[n])]
    return _Table(pd.concat(parts, ignore_index=True), names, folders)


def _score(table: _Table, files: Files, given: Roles) -> tuple[int, int, int, int]:
    """(columns that the user named, rows whose image exists, number of text columns, rows)."""
    named = given.columns() & {*table.rows.columns}
    roles = guess_roles(table.rows, files, given if named == given.columns() else None)
    lookup = Lookup.of_images(files)
    there = (
        sum(bool(lookup.find(v, f)) for v, f in zip(table.rows[c], table.folders, strict=True))
        for c in roles.images
    )
    return len(named), max(there, default=0), len(roles.texts), len(table.rows)


@dataclass(frozen=True)
class _Pictured:
    """A table whose image columns name files.

    left    images that found no place
    absent  cell without a file -> (code, message), where more is known than that there is none
    """

    rows: pd.DataFrame
    roles: Roles
    left: list[Problem]
    absent: dict[str, tuple[str, str]]


def _with_pictures(table: _Table, roles: Roles, files: Files) -> _Pictured:
    """Replace the cells of image columns by file names; a column with another role keeps its cells.

    Of a cell that names several images the first that is here is the study's; the others are problems.
    """
    lookup = Lookup.of_images(files)
    rows, columns = table.rows.copy(), []
    others: dict[str, None] = {}
    absent: dict[str, tuple[str, str]] = {}
    taken = replace(roles, images=()).columns()
    for column, name in _sources(table, roles, files):
        pairs = zip(rows[column], table.folders, strict=True)
        target = name or (_free(column, rows) if column in taken else column)
        found = [find_images(value, folder, lookup) for value, folder in pairs]
        rows[target] = [image.name for image in found]
        others |= dict.fromkeys(name for image in found for name in image.others)
        absent |= {i.name: why for i in found if i.match is not NOTHING and (why := why_absent(i.match))}
        columns.append(target)
    unknown = [c for c in roles.images if c not in rows and c not in columns]
    kept = {name for column in columns for name in rows[column]}
    left = [(name, "image_no_place", NO_PLACE) for name in others if name not in kept]
    return _Pictured(rows, replace(roles, images=(*columns, *unknown)), left, absent)


def _patient_folders(rows: pd.DataFrame, roles: Roles) -> pd.Series | None:
    """The patient that each image's path names, as CheXpert's do; None unless all do, and some the same."""
    if not roles.images or FOLDER in rows:
        return None
    named = rows[roles.images[0]].str.extract(PATIENT_FOLDER, expand=False).fillna("")
    return named if named.ne("").all() and not named.is_unique else None


def _sources(table: _Table, roles: Roles, files: Files) -> list[tuple[str, str]]:
    """(column of the table, name of the image column if it is one that was made of it) of each image role."""
    made = [c for c in roles.images if c not in table.rows]
    guessed = guess_roles(table.rows, files).images if made else ()
    of = {name: c for c in reversed(guessed) for name in _made_names(c) if name in made}
    pairs = [(c, "") if c in table.rows else (of.get(c, ""), c) for c in roles.images]
    return [(column, name) for column, name in pairs if column]


def _made_names(column: str) -> tuple[str, ...]:
    return ("image", f"{column}_image", f"{column}_picture_file")


def _free(column: str, rows: pd.DataFrame) -> str:
    return next(name for name in _made_names(column) if name not in rows)


def _lacks_for_a_pair(raw: RawStudies) -> str:
    """What is missing for two modalities, as a sentence; "" if nothing is."""
    roles = raw.roles
    if len(roles.images) + len(roles.texts) + bool(roles.tabular) >= 2:
        return ""
    if not roles.images and (in_the_way := _other_files(raw.rows)):
        return in_the_way
    if roles.images:
        return (
            "Found images but no text to pair them with. Name the column of texts with --text, or make texts "
            "of labels with --prompts-from-labels and --label."
        )
    return (
        "Expected a column of image names and a column of text, or two of either; found no column that names "
        "images. Name them image and report, or choose the columns by hand."
    )


def _other_files(rows: pd.DataFrame) -> str:
    """A sentence about a column that names files that are not read; "" if there is none."""
    for column in rows.columns:
        cells = rows[column][rows[column].ne("")].head(SAMPLE)
        suffixes = cells.str.lower().str.extract(OTHER_FILES, expand=False).dropna()
        if len(cells) and len(suffixes) > len(cells) / 2:
            suffix = suffixes.mode().iloc[0]
            return (
                f"The column {quoted(column, 40)} names {suffix} files, which are not read. "
                f"Export each image as PNG, JPEG or DICOM, and name that in the table."
            )
    return ""


def _pairs(names: list[str]) -> dict[str, str]:
    """Image -> report of the same stem: in the same folder, else anywhere if the name is unique."""
    texts = [n for n in names if n.lower().endswith(".txt")]
    lookup = Lookup(texts)
    found = {n: lookup.find(str(PurePosixPath(n).with_suffix(""))) for n in names if is_image_name(n)}
    return {picture: text for picture, text in found.items() if text and stem(text) == stem(picture)}


def _beside(files: Files, roles: Roles | None, problems: list[Problem]) -> RawStudies:
    """One study per image; images without a report have an empty one."""
    names = sorted(files.names())
    pairs = _pairs(names)
    if not pairs:
        raise Refused("no_usable_files", f"None of the tables has studies. Expected {EXPECTS}.")
    records = []
    for picture in filter(is_image_name, names):
        try:
            report = read_text_file(files, pairs[picture]) if picture in pairs else ""
        except Skipped as error:
            problems.append((picture, error.code, error.message))
            continue
        records.append(_record(picture, report))
    rows = table_from_records(records, ["study_id", "image", "report", "split"])
    guess = Roles(study_id="study_id", images=("image",), texts=("report",), split="split")
    return build_raw_studies(LAYOUT, rows, guess, roles, files, problems=tuple(problems))


def _record(picture: str, report: str) -> dict[str, str]:
    study_id = PurePosixPath(picture).with_suffix("").as_posix()
    return {"study_id": study_id, "image": picture, "report": report, "split": split_of(picture)}
