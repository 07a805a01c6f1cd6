"""CSV and TSV, row by row: what is malformed is left out by its line number, the rest is never shifted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import shown
from suture.data.raw_studies import Noted
from suture.data.tables.encodings import ODD, lenient

SEPARATORS = ",;\t|"
SAMPLE = 2**16  # characters by which a separator is chosen
DECLARED = re.compile(f'"?sep=([{SEPARATORS}])"?[\r\n]+', re.IGNORECASE)
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
ROWS = 8192  # held as lists before they become part of a table
csv.field_size_limit(2**31 - 1)  # how long a report may be is asked later, of one report at a time


def read_delimited(content: bytes, name: str, noted: Noted) -> pd.DataFrame:
    """All cells as they are written. `Refused` if there is no header, or no row that fits it."""
    text, encoding = lenient(content, name)
    if encoding == "cp1252":
        noted.warn("warn_encoding", name)
    skipped, separator, text = _opening(text)
    if not text.strip():
        message = f"{shown(name)} has only blank lines: a table needs a header and rows."
        raise Refused("table_empty", message)
    records = _records(text, separator, skipped)
    header = _header(next(records)[2], name)
    left = _Left(name, noted)
    rows = framed(_rows(records, header, left, check=bool(ODD.search(text))), header)
    if left.odd > len(rows):
        raise _not_text(f"{shown(name)} is")
    if left.lines and rows.empty:
        message = f"No row of {shown(name)} has the {len(header)} cells of its header. {ADVICE}"
        raise Refused("table_corrupt", message)
    return rows


def framed(rows: Iterator[list[str]], columns: list[str]) -> pd.DataFrame:
    """A table of strings, of which few rows at a time are held as Python's objects."""
    some = iter(lambda: list(islice(rows, ROWS)), [])
    parts = [pd.DataFrame(part, columns=columns, dtype=str) for part in some]
    return pd.concat(parts or [pd.DataFrame(columns=columns, dtype=str)], ignore_index=True)


ADVICE = "Put texts that hold separators or line breaks in double quotes, and close each quote."
AS_UTF8 = "Save the table again as UTF-8."


def _not_text(what: str) -> Refused:
    return Refused("table_encoding", f"{what} neither UTF-8 nor Windows-1252 throughout. {AS_UTF8}")


class _Left:
    """Notes the lines that are left out."""

    def __init__(self, name: str, noted: Noted) -> None:
        self.name, self.noted, self.lines, self.odd = name, noted, 0, 0

    def add(self, first: int, last: int, why: str, *, odd: bool = False) -> None:
        place = f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"
        message = f"{why} {AS_UTF8 if odd else ADVICE}"
        self.noted.leave(f"{self.name}, {place}", Skipped("row_malformed", message))
        self.lines += 1
        self.odd += odd


def _opening(text: str) -> tuple[int, str, str]:
    """(lines before the header, separator, all from the header on). Excel may name the separator first."""
    rest = text.lstrip("\r\n")
    if told := DECLARED.match(rest):
        rest = rest[told.end() :].lstrip("\r\n")
    before = io.StringIO(text[: len(text) - len(rest)], newline="")
    return sum(1 for _ in before), told[1] if told else _separator(rest), rest


def _separator(text: str) -> str:
    """The one that gives most of the first rows as many cells as the header; then that gives it most."""
    return max(SEPARATORS, key=lambda s: _fit(text[:SAMPLE], s))


def _fit(sample: str, separator: str) -> tuple[int, int]:
    widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
    header = widths[0] if widths else 0
    return (widths[1:].count(header) if header > 1 else 0), header


def _records(text: str, separator: str, skipped: int) -> Iterator[tuple[int, int, list[str] | None]]:
    """(first line, last line, cells); None for cells whose quotes do not close or stand amid a cell."""
    lines = (line[0] for line in LINE.finditer(text))  # io.StringIO would hold it again, four bytes a letter
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        yield first + skipped, reader.line_num + skipped, cells


def _header(cells: list[str] | None, name: str) -> list[str]:
    if cells is None:
        message = f"The header of {shown(name)} cannot be read: its quotes do not close."
        raise Refused("table_corrupt", message)
    if ODD.search("".join(cells)):
        raise _not_text(f"The header of {shown(name)} is")
    if len(cells) > limits.current().table_columns:
        raise Refused("table_too_large", f"{shown(name)} has {len(cells):,} columns, more than are read.")
    columns = [c.strip() or f"column {n}" for n, c in enumerate(cells, 1)]
    refuse_double_names(columns, name)
    return columns


def refuse_double_names(columns: list[str], name: str) -> None:
    """`Refused` when two columns are called alike."""
    double = next((c for c in columns if columns.count(c) > 1), "")
    if double:
        message = f"{shown(name)} has more than one column called {shown(double)}. Give each its own name."
        raise Refused("table_columns_ambiguous", message)


def _rows(
    records: Iterator[tuple[int, int, list[str] | None]], header: list[str], left: _Left, *, check: bool
) -> Iterator[list[str]]:
    width, most = len(header), limits.current().table_rows
    count = 0
    for first, last, cells in records:
        if cells is None:
            left.add(first, last, "A quote opens here and does not close, or stands amid a cell.")
        elif not any(map(str.strip, cells)):
            continue
        elif check and ODD.search("".join(cells)):
            left.add(first, last, "The row has a zero byte, or bytes that are not UTF-8.", odd=True)
        elif len(cells) != width and (len(cells) < width or any(cells[width:])):
            left.add(first, last, f"The row has {len(cells)} cells, the header {width}.")
        else:
            yield cells[:width]
        count += 1
        if count > most:
            raise Refused("table_too_large", f"{shown(left.name)} has more than {most:,} rows, the limit.")
