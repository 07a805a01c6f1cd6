"""Excel workbooks (.xlsx): checked as a ZIP against the limits first, then read by calamine, values only.

Formulas are not evaluated: a cell is the value that the workbook stores. Of several sheets the first that
looks like a table is read, and a warning says so.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterator

import pandas as pd
import python_calamine

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.files.zip_archive import ZipFiles
from suture.data.tables.delimited import refuse_duplicate_columns, string_table
from suture.data.tables.encodings import INVALID_CHARACTERS
from suture.data.tables.headers import PEEKED, is_header, numbered

WORKBOOK = (".xlsx",)
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml$", re.IGNORECASE)
PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,9})["']""")  # of a cell, C12, or of a row, 12
MAX_CELLS = 100_000_000  # of the rectangle that a sheet spans: calamine holds it whole


def read_workbook(content: bytes, name: str, issues: ReadIssues) -> pd.DataFrame:
    """All cells as strings, "" = missing. `Refused` if the workbook is damaged or too large."""
    _check(content, name)
    try:
        book = python_calamine.load_workbook(io.BytesIO(content))
        sheets = [(sheet, _rows(book, sheet)) for sheet in book.sheet_names]
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException:  # a panic of the Rust library is no Exception
        message = f"{quoted(name)} is not a readable workbook. Save it again as .xlsx, or as CSV."
        raise Refused("table_corrupt", message) from None
    filled = [(sheet, rows) for sheet, rows in sheets if rows]
    tables = [(sheet, rows) for sheet, rows in filled if len(rows) > 1 and sum(map(bool, rows[0])) > 1]
    if not filled:
        raise Refused("table_empty", f"{quoted(name)} has no filled sheet. A table needs a header and rows.")
    sheet, rows = (tables or filled)[0]
    if len(filled) > 1:
        issues.warn("warn_several_sheets", f"{name} (sheet {sheet})")
    return _table(rows, name, issues)


def _check(content: bytes, name: str) -> None:
    """`Refused` for what unpacks beyond the limits, or spans more cells than a table may have."""
    most, total = limits.current(), 0
    try:
        archive = ZipFiles(content)
        for member in archive.names():
            unpacked = archive.read(member)
            total += len(unpacked)
            if total > most.table_bytes or limits.is_bomb(total, len(content)):
                raise Refused("zip_too_large", "")
            if SHEET.search(member):
                _check_span(unpacked, name)
    except (Refused, Skipped) as error:
        if error.code in ("zip_too_large", "zip_too_many_files"):
            message = f"{quoted(name)} unpacks to more bytes than the limit. Save it again, or as CSV."
            raise Refused("table_too_large", message) from error
        if error.code == "table_too_large":
            raise
        code = "table_encrypted" if error.code == "zip_encrypted" else "table_corrupt"
        message = f"{quoted(name)} is not a readable workbook. Save it again as .xlsx, without a password."
        raise Refused(code, message) from error


def _check_span(sheet: bytes, name: str) -> None:
    rows = columns = 1
    for match in PLACE.finditer(sheet):
        column = 0
        for letter in match[1].upper():
            column = 26 * column + letter - 64
        rows, columns = max(rows, int(match[2])), max(columns, column)
    if rows * columns > MAX_CELLS:
        message = f"{quoted(name)} spans {rows:,} rows and {columns:,} columns, more than the limit."
        raise Refused("table_too_large", f"{message} Delete the far cells, or save it as CSV.")


def _rows(book: python_calamine.CalamineWorkbook, sheet: str) -> list[list[str]]:
    """The filled rows of a sheet, without empty columns on the right."""
    rows = [[_cell(value) for value in row] for row in book.get_sheet_by_name(sheet).to_python()]
    return [row for row in rows if any(row)]


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # a workbook has no whole numbers
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return "" if value is None else str(value).strip()


def _table(rows: list[list[str]], name: str, issues: ReadIssues) -> pd.DataFrame:
    most, width = limits.current(), max(map(len, rows))
    if len(rows) > most.table_rows or width > most.table_columns:
        message = f"{quoted(name)} has {len(rows):,} rows and {width:,} columns, more than the limit."
        raise Refused("table_too_large", message)
    first, *following = rows
    if is_header(first, following[:PEEKED]):
        header = [cell or f"column {n}" for n, cell in enumerate(first, 1)]
    else:
        issues.warn("warn_no_header", name)
        header, following = numbered(width), rows
    refuse_duplicate_columns(header, name)
    return string_table(_checked(following, name, issues), header)


def _checked(rows: list[list[str]], name: str, issues: ReadIssues) -> Iterator[list[str]]:
    for number, row in enumerate(rows, 2):
        if INVALID_CHARACTERS.search("".join(row)):
            what = "The row has a zero character. Write it again."
            issues.skip(f"{name}, row {number:,}", Skipped("row_malformed", what))
        else:
            yield row
