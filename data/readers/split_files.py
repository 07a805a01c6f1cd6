"""Lists of ids that a user gives as splits: one id a line, or id and split in two columns.

A list of ids alone is a split called like its file, such as five lists of 200 for a 5x200 set.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.phi.identifiers import header_key
from suture.data.readers.file_lookup import Lookup, split_of
from suture.data.readers.raw_studies import RawStudies
from suture.data.readers.roles import MAX_SPLITS, SPLIT_HEADERS
from suture.data.tables.encodings import decode

SEPARATORS = ",\t;"
COLUMN = "split"


def with_split_files(raw: RawStudies, lists: Sequence[tuple[str, bytes]]) -> RawStudies:
    """The studies with the splits of these files (name, content); studies in none keep the split they have.

    An id is the study's id, or the name of its image. `Refused` if a file names none of the studies. Warnings
    count ids that name no study, and ids in several lists, of which the first counts.
    """
    if not lists:
        return raw
    rows, warnings = raw.rows, Counter(raw.warnings)
    finder = _Finder(raw)
    own = raw.roles.split
    splits = rows[own].tolist() if own else [""] * len(rows)
    given: dict[int, str] = {}
    for name, content in lists:
        found, unknown = 0, 0
        for study, split in _entries(name, content, finder):
            places = finder.rows_of(study)
            unknown += not places
            found += bool(places)
            for place in places:
                warnings["warn_split_twice"] += given.get(place, split) != split
                given.setdefault(place, split)
        if not found:
            message = f"{quoted(name)} names none of the studies."
            advice = "Give their ids, or the names of their images."
            raise Refused("split_file_unmatched", f"{message} {advice}")
        warnings["warn_split_unmatched"] += unknown
    for place, split in given.items():
        splits[place] = split
    column = own if own and own not in raw.roles.images else COLUMN
    roles = replace(raw.roles, split=column)
    return replace(raw, rows=rows.assign(**{column: splits}), roles=roles, warnings=dict(+warnings))


class _Finder:
    """Finds the rows of a study by its id or its image."""

    def __init__(self, raw: RawStudies) -> None:
        ids = raw.rows[raw.roles.study_id] if raw.roles.study_id else None
        numbered = [f"row-{n + 1:06d}" for n in range(len(raw.rows))]
        self._ids = _places(numbered if ids is None else ids.str.strip().tolist())
        images = [_places(raw.rows[column].tolist()) for column in raw.roles.images]
        self._images = {name: places for by_name in images for name, places in by_name.items()}
        self._lookup = Lookup(self._images)

    def rows_of(self, study: str) -> list[int]:
        """The rows with this id, else those of the one image that it names; [] if there are none."""
        return self._ids.get(study) or self._images.get(self._lookup.find(study), [])


def _places(values: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        if value:
            places.setdefault(value, []).append(place)
    return places


def _entries(name: str, content: bytes, finder: _Finder) -> list[tuple[str, str]]:
    """(id, split) of each line."""
    if len(content) > limits.current().table_bytes:
        raise Refused("table_too_large", f"{quoted(name)} has {len(content):,} bytes, more than the limit.")
    text = decode(content, name)
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    lines = [[cell.strip() for cell in line] for line in csv.reader(io.StringIO(text), delimiter=separator)]
    lines = [line for line in lines if any(line)]
    if not lines:
        raise Refused("table_empty", f"{quoted(name)} has no lines. Give one id a line.")
    width = min(map(len, lines))
    table = pd.DataFrame([line[:width] for line in lines])
    matched = {c: sum(bool(finder.rows_of(cell)) for cell in table[c].head(MAX_LOOKED_AT)) for c in table}
    ids = max(matched, key=lambda c: matched[c])
    header = [] if finder.rows_of(lines[0][ids]) or len(lines) == 1 else [header_key(c) for c in lines[0]]
    if header:
        table = table.iloc[1:]
    split = _split_column(table, ids, header)
    called = split_of(name) or PurePosixPath(name).stem
    named = table[split].tolist() if split is not None else [called] * len(table)
    return [(study, value or called) for study, value in zip(table[ids], named, strict=True) if study]


MAX_LOOKED_AT = 1000  # lines that tell which column holds the ids


def _split_column(table: pd.DataFrame, ids: int, header: list[str]) -> int | None:
    """The column of splits: called so, else the only other one if it has few values."""
    if named := [c for c, key in enumerate(header) if c != ids and key.split("_")[-1] in SPLIT_HEADERS]:
        return named[0]
    others = [c for c in table if c != ids]
    return others[0] if len(others) == 1 and table[others[0]].nunique() <= MAX_SPLITS else None
