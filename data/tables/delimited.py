"""CSV and TSV, row by row: malformed rows are skipped by line number, and never shift other rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.tables.encodings import (
    INVALID_CHARACTERS,
    UNICODE,
    decode_leniently,
    encoding_name,
    has_invalid_characters,
)
from suture.data.tables.headers import PEEKED, is_header, numbered

SEPARATORS = ",;\t|"
SAMPLE = 2**16  # characters from which the separator is guessed
DECLARED = re.compile(f'"?sep=([{SEPARATORS}])"?[\r\n]+', re.IGNORECASE)
Record = tuple[int, int, list[str] | None]  # first line, last line, cells: None where the quoting is broken
ROWS = 8192  # rows held as Python lists before they become part of a table
csv.field_size_limit(2**31 - 1)  # the length of a report is limited later, for each report


def read_delimited(content: bytes, name: str, issues: ReadIssues) -> pd.DataFrame:
    """All cells as text. `Refused` if there is no header, or no row that fits it."""
    text, encoding = decode_leniently(content, name)
    if encoding not in UNICODE:
        issues.warn("warn_encoding", f"{name} ({encoding_name(encoding)})")
    records = _records_of(text, name)
    first = next(records)
    peeked = [*islice(records, PEEKED)]
    records = chain(peeked, records)
    header = _header(first[2], name)
    if not is_header(first[2] or [], [cells for _, _, cells in peeked if cells is not None]):
        issues.warn("warn_no_header", name)
        header, records = numbered(len(header)), chain([first], records)
    refuse_duplicate_columns(header, name)
    left = _SkippedRows(name, issues)
    rows = string_table(_rows(records, header, left, check=has_invalid_characters(text)), header)
    if left.odd > len(rows):
        raise _not_text(f"{quoted(name)} is")
    if left.lines and rows.empty:
        message = f"No row of {quoted(name)} has the {len(header)} cells of its header. {ADVICE}"
        raise Refused("table_corrupt", message)
    return rows


def records_of(content: bytes, name: str) -> Iterator[Record]:
    """The records of a table, its header first. `Refused` if there are none."""
    return _records_of(decode_leniently(content, name)[0], name)


def _records_of(text: str, name: str) -> Iterator[Record]:
    skipped, separator, text = _split_preamble(text)
    if not text.strip():
        message = f"{quoted(name)} has only blank lines. A table needs a header and rows."
        raise Refused("table_empty", message)
    return _records(text, separator, skipped)


def string_table(rows: Iterator[list[str]], columns: list[str]) -> pd.DataFrame:
    """A table of strings; only `ROWS` rows at a time are held as Python objects."""
    blocks = iter(lambda: list(islice(rows, ROWS)), [])
    parts = [pd.DataFrame(block, columns=columns, dtype=str) for block in blocks]
    return pd.concat(parts or [pd.DataFrame(columns=columns, dtype=str)], ignore_index=True)


ADVICE = "Put texts with separators or line breaks in double quotes, and close each quote."
AS_UTF8 = "Save the table again as UTF-8."


def _not_text(what: str) -> Refused:
    return Refused("table_encoding", f"{what} neither UTF-8 nor Windows-1252 throughout. {AS_UTF8}")


class _SkippedRows:
    """Records the skipped lines of a table."""

    def __init__(self, name: str, issues: ReadIssues) -> None:
        self.name, self.issues, self.lines, self.odd = name, issues, 0, 0

    def add(self, first: int, last: int, why: str, *, odd: bool = False) -> None:
        place = f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"
        message = f"{why} {AS_UTF8 if odd else ADVICE}"
        self.issues.skip(f"{self.name}, {place}", Skipped("row_malformed", message))
        self.lines += 1
        self.odd += odd


def _split_preamble(text: str) -> tuple[int, str, str]:
    """(number of lines before the header, separator, text from the header on).

    Excel can declare the separator in a first line `sep=;`.
    """
    rest = text.lstrip("\r\n")
    if declared := DECLARED.match(rest):
        rest = rest[declared.end() :].lstrip("\r\n")
    before = io.StringIO(text[: len(text) - len(rest)], newline="")
    return sum(1 for _ in before), declared[1] if declared else _separator(rest), rest


def _separator(text: str) -> str:
    """The separator with which most of the first rows have as many cells as the header; then most cells."""
    return max(SEPARATORS, key=lambda s: _fit(text[:SAMPLE], s))


def _fit(sample: str, separator: str) -> tuple[int, int]:
    widths = [len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
    header = widths[0] if widths else 0
    return (widths[1:].count(header) if header > 1 else 0), header


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends; io.StringIO copies with 4 bytes a character, so it gets a part at a time."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + SAMPLE) + 1 or len(text)
        yield from io.StringIO(text[start:end], newline="")
        start = end


def _records(text: str, separator: str, skipped: int) -> Iterator[Record]:
    """(first line, last line, cells) of each record; cells are None where the quoting is broken."""
    reader = csv.reader(_lines(text), delimiter=separator, strict=True)
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
        message = f"The header of {quoted(name)} cannot be read: a quote is not closed."
        raise Refused("table_corrupt", message)
    if INVALID_CHARACTERS.search("".join(cells)):
        raise _not_text(f"The header of {quoted(name)} is")
    if len(cells) > limits.current().table_columns:
        raise Refused("table_too_large", f"{quoted(name)} has {len(cells):,} columns, more than the limit.")
    return [c.strip() or f"column {n}" for n, c in enumerate(cells, 1)]


def refuse_duplicate_columns(columns: list[str], name: str) -> None:
    """`Refused` if two columns have the same name."""
    duplicate = next((c for c in columns if columns.count(c) > 1), "")
    if duplicate:
        message = f"{quoted(name)} has several columns called {quoted(duplicate)}. Rename them apart."
        raise Refused("table_columns_ambiguous", message)


def _rows(
    records: Iterator[Record],
    header: list[str],
    left: _SkippedRows,
    *,
    check: bool,
) -> Iterator[list[str]]:
    width, most = len(header), limits.current().table_rows
    count = 0
    for first, last, cells in records:
        if cells is None:
            left.add(first, last, "A quote is not closed, or stands in the middle of a cell.")
        elif not any(map(str.strip, cells)):
            continue
        elif check and INVALID_CHARACTERS.search("".join(cells)):
            left.add(first, last, "The row has a zero byte or bytes that are not UTF-8.", odd=True)
        elif len(cells) != width and (len(cells) < width or any(cells[width:])):
            left.add(first, last, f"The row has {len(cells)} cells, the header {width}.")
        else:
            yield cells[:width]
        count += 1
        if count > most:
            raise Refused("table_too_large", f"{quoted(left.name)} has more than {most:,} rows, the limit.")
