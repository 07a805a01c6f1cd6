"""The last step of every reader: roles, guessed or given, checked against the columns there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID
from suture.data.errors import Refused, Skipped
from suture.data.files.names import shown
from suture.data.phi.identifiers import is_private
from suture.data.raw_studies import Files, Problem, RawStudies, Roles
from suture.data.readers.sections import with_sections
from suture.data.tables.encodings import storable
from suture.data.tables.reading import decode, read_table

NOTHING = ("nan", "none", "null", "na", "n/a", "<na>", "#n/a", "nil", "nat")
VISIBLE = r"[^\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
RESERVED = (STUDY_ID, GROUP, SPLIT, DUPLICATE)  # columns that every collection has already


def studies(
    layout: str,
    rows: pd.DataFrame,
    guess: Roles,
    given: Roles | None,
    files: Files,
    *,
    problems: tuple[Problem, ...] = (),
    notes: Mapping[str, object] | None = None,
) -> RawStudies:
    """Rows with the roles that were given, else guessed; `Refused` if a column is not there.

    Sections of reports become columns, to be chosen instead of the whole report. Columns that are called like
    what names a person have no role unless it is given, so they are not kept; a warning tells how many.
    """
    rows = with_sections(rows, (c for c in guess.texts if c in rows))
    roles = given or _without_empty_labels(guess, rows)
    for column in filter(is_private, {*rows.columns} - roles.columns()):
        files.noted.warn("warn_phi_columns", column)
    absent = sorted(roles.columns() - set(rows.columns))
    if absent:
        raise columns_missing(f"The columns {', '.join(absent)} are not in the table.", rows)
    return RawStudies(
        layout=layout,
        rows=_with_real_texts(rows, roles.texts),
        roles=roles,
        files=files,
        rename=_free_names(roles),
        problems=(*files.noted.problems(), *problems),
        warnings=files.noted.warnings(),
        notes=notes or {},
    )


def table_of(files: Files, name: str) -> pd.DataFrame:
    """The table called `name`; rows that had to be left out are noted with the files."""
    return read_table(files.read(name), name, files.noted)


def _with_real_texts(rows: pd.DataFrame, texts: tuple[str, ...]) -> pd.DataFrame:
    """A text of which nothing is seen, and the words by which programs say "nothing", are no text."""
    return rows.assign(**{c: rows[c].where(_is_text(rows[c]), "") for c in texts})


def _is_text(cells: pd.Series) -> pd.Series:
    return cells.str.contains(VISIBLE) & ~cells.str.strip().str.lower().isin(NOTHING)


def columns_missing(what: str, rows: pd.DataFrame) -> Refused:
    """The refusal that lists the columns found, cut to what a person will read."""
    found = ", ".join(shown(column, 40) for column in rows.columns[:30])
    return Refused("table_columns_missing", f"{what} Columns found: {found}.")


def _without_empty_labels(roles: Roles, rows: pd.DataFrame) -> Roles:
    kept = tuple(label for label in roles.labels if label in rows and rows[label].ne("").any())
    return replace(roles, labels=kept)


def _free_names(roles: Roles) -> dict[str, str]:
    """Another name for a modality whose column is called like one of the collection's own."""
    named = [(c, "image") for c in roles.images] + [(c, "text") for c in roles.texts]
    return {column: f"{column}_{kind}" for column, kind in named if column in RESERVED}


def frame(records: list[dict[str, str]], columns: list[str]) -> pd.DataFrame:
    """A table of strings with exactly these columns, "" where a record has no value."""
    stored = [{column: storable(cell) for column, cell in record.items()} for record in records]
    return pd.DataFrame(stored, columns=columns, dtype=str).fillna("")


def text_of(files: Files, name: str) -> str:
    """A text file's words; `Skipped` if it is damaged, gone, or not text."""
    try:
        return decode(files.read(name), name).strip()
    except KeyError as error:
        raise Skipped("member_corrupt", f"{shown(name)} cannot be read.") from error
    except Refused as error:
        raise Skipped(error.code, error.message) from error
