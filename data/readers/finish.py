"""Shared last steps of every reader: build the `RawStudies`, checking the roles against the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID
from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import Problem
from suture.data.files.sources import Files
from suture.data.phi.identifiers import is_personal
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.sections import with_sections
from suture.data.splits import meaning_of_numbers
from suture.data.tables.encodings import legacy_encoding, without_surrogates
from suture.data.tables.reading import decode, read_table

TABLE_NOT_USED = "It is not the table that the studies come from. If it has studies, import it by itself."
EMPTY_WORDS = ("nan", "none", "null", "na", "n/a", "<na>", "#n/a", "nil", "nat")
VISIBLE_CHARACTER = r"[^\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
RESERVED_COLUMNS = (STUDY_ID, GROUP, SPLIT, DUPLICATE)  # columns of every collection


def build_raw_studies(
    layout: str,
    rows: pd.DataFrame,
    guess: Roles,
    given: Roles | None,
    files: Files,
    *,
    problems: tuple[Problem, ...] = (),
    notes: Mapping[str, object] | None = None,
) -> RawStudies:
    """The rows with the given roles, else the guessed ones; `Refused` if a column does not exist.

    Sections of reports become columns, which can be chosen instead of the whole report. Columns whose header
    suggests personal data have no role unless it is given, so they are not stored; a warning counts them.
    """
    rows = with_sections(rows, (c for c in guess.texts if c in rows))
    roles = given or _without_empty_labels(guess, rows)
    for column in filter(is_personal, {*rows.columns} - roles.columns()):
        files.issues.warn("warn_phi_columns", column)
    absent = sorted(roles.columns() - set(rows.columns))
    if absent:
        raise columns_missing(f"The columns {', '.join(absent)} are not in the table.", rows)
    return RawStudies(
        layout=layout,
        rows=_with_real_texts(rows, roles.texts),
        roles=roles,
        files=files,
        rename=_free_names(roles),
        problems=(*files.issues.problems(), *problems),
        warnings=files.issues.warnings(),
        warned=files.issues.warned(),
        notes={**(notes or {}), **_note_on_split(rows, roles)},
    )


def _note_on_split(rows: pd.DataFrame, roles: Roles) -> dict[str, str]:
    """What the numbers of a split are taken for, if it has any."""
    meaning = meaning_of_numbers(rows[roles.split].unique()) if roles.split else ""
    return {"split_numbers": meaning} if meaning else {}


def read_named_table(files: Files, name: str) -> pd.DataFrame:
    """The table called `name`; rows that had to be left out are added to the issues of the files."""
    return read_table(files.read(name), name, files.issues)


def _with_real_texts(rows: pd.DataFrame, texts: tuple[str, ...]) -> pd.DataFrame:
    """Replace texts without visible characters, and words such as "None" or "n/a", by ""."""
    return rows.assign(**{c: rows[c].where(_is_text(rows[c]), "") for c in texts})


def _is_text(cells: pd.Series) -> pd.Series:
    return cells.str.contains(VISIBLE_CHARACTER) & ~cells.str.strip().str.lower().isin(EMPTY_WORDS)


def columns_missing(what: str, rows: pd.DataFrame) -> Refused:
    """The error for missing columns; it lists the first 30 existing ones."""
    existing = ", ".join(quoted(column, 40) for column in rows.columns[:30])
    return Refused("table_columns_missing", f"{what} Columns found: {existing}.")


def refuse_absent(named: Roles, rows: pd.DataFrame) -> None:
    """`Refused` if a column that the user named is not in the table."""
    absent = sorted(named.columns() - {*rows.columns})
    if absent:
        raise Refused(
            "table_columns_missing",
            f"There is no column {quoted(absent[0])}. The table has: "
            f"{', '.join(quoted(c, 40) for c in rows.columns[:30])}.",
        )


def _without_empty_labels(roles: Roles, rows: pd.DataFrame) -> Roles:
    kept = tuple(label for label in roles.labels if label in rows and rows[label].ne("").any())
    return replace(roles, labels=kept)


def _free_names(roles: Roles) -> dict[str, str]:
    """New names for modalities whose columns have the name of a reserved column."""
    named = [(c, "image") for c in roles.images] + [(c, "text") for c in roles.texts]
    return {column: f"{column}_{kind}" for column, kind in named if column in RESERVED_COLUMNS}


def table_from_records(records: list[dict[str, str]], columns: list[str]) -> pd.DataFrame:
    """A table of strings with exactly these columns, "" where a record has no value."""
    stored = [{column: without_surrogates(cell) for column, cell in record.items()} for record in records]
    return pd.DataFrame(stored, columns=columns, dtype=str).fillna("")


def read_text_file(files: Files, name: str) -> str:
    """The content of a text file; `Skipped` if it is damaged, missing, or not text."""
    try:
        content = files.read(name)
        text = decode(content, name).strip()
    except KeyError as error:
        raise Skipped("member_corrupt", f"{quoted(name)} cannot be read. Copy it again.") from error
    except Refused as error:
        raise Skipped(error.code, error.message) from error
    if encoding := legacy_encoding(content):
        files.issues.warn("warn_encoding", f"{name} ({encoding})")
    return text
