"""CSV and TSV, row by row: what is malformed is left out by its line number, the rest is never shifted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pandas as pd

from data import limits
from data.encodings import ODD, lenient
from data.errors import Refused, Skipped
from data.names import shown
from data.raw import Noted

SEPARATORS = ",;\t|"
csv.field_size_limit(2**31 - 1)  # how long a report may be is asked later, of one report at a time


def read_delimited(content: bytes, name: str, noted: Noted) -> pd.DataFrame:
    """All cells as they are written. `Refused` if there is no header, or no row that fits it."""
    text, encoding = lenient(content, name)
    if encoding == "cp1252":
        noted.warn("warn_encoding", name)
    if not text.strip():
        message = f"{shown(name)} has only blank lines: a table needs a header and rows."
        raise Refused("table_empty", message)
    records = _records(text.lstrip("\r\n"), skipped=_blank_lines(text))
    header = _header(next(records)[2], name)
    left = _Left(name, noted)
    rows = list(_rows(records, header, left, check=bool(ODD.search(text))))
    if left.lines and not rows:
        message = f"No row of {shown(name)} has the {len(header)} cells of its header. {ADVICE}"
        raise Refused("table_corrupt", message)
    return pd.DataFrame(rows, columns=header, dtype=str)


ADVICE = "Put texts that hold separators or line breaks in double quotes, and close each quote."


class _Left:
    """Notes the lines that are left out."""

    def __init__(self, name: str, noted: Noted) -> None:
        self.name, self.noted, self.lines = name, noted, 0

    def add(self, first: int, last: int, why: str) -> None:
        place = f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"
        self.noted.leave(f"{self.name}, {place}", Skipped("row_malformed", f"{why} {ADVICE}"))
        self.lines += 1


def _records(text: str, skipped: int) -> Iterator[tuple[int, int, list[str] | None]]:
    """(first line, last line, cells); None for cells whose quotes do not close or stand amid a cell."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        yield first + skipped, reader.line_num + skipped, cells


def _separator(text: str) -> str:
    header = next(io.StringIO(text[:65_536], newline=""))
    return max(SEPARATORS, key=header.count)


def _blank_lines(text: str) -> int:
    start = len(text) - len(text.lstrip("\r\n"))
    return sum(1 for _ in io.StringIO(text[:start], newline=""))


def _header(cells: list[str] | None, name: str) -> list[str]:
    if cells is None or ODD.search("".join(cells)):
        message = f"The header of {shown(name)} cannot be read: its quotes do not close, or it is not text."
        raise Refused("table_corrupt", message)
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
        elif not any(cells):
            continue
        elif len(cells) != width and (len(cells) < width or any(cells[width:])):
            left.add(first, last, f"The row has {len(cells)} cells, the header {width}.")
        elif check and ODD.search("".join(cells)):
            left.add(first, last, "The row has a zero byte, or bytes that are not UTF-8.")
        else:
            yield cells[:width]
        count += 1
        if count > most:
            raise Refused("table_too_large", f"{shown(left.name)} has more than {most:,} rows, the limit.")
