"""Read CSV, TSV, Parquet, JSON, JSONL and .xlsx as tables of strings: no type guessing, known encodings."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.magic import file_kind
from suture.data.files.names import quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.tables.delimited import read_delimited
from suture.data.tables.encodings import decode
from suture.data.tables.gzip_limit import gunzip
from suture.data.tables.parquet import read_parquet
from suture.data.tables.records import JSON, read_records
from suture.data.tables.workbook import WORKBOOK, read_workbook

__all__ = ["JSON", "PACKED", "PARQUET", "SUFFIXES", "TAR", "WORKBOOK", "decode", "read_table", "strings"]

PARQUET = (".parquet", ".pq")
PACKED = tuple(f"{suffix}.gz" for suffix in (".csv", ".tsv", *JSON))
TAR = (".tar",)  # WebDataset
SUFFIXES = (".csv", ".tsv", ".txt", *PARQUET, *JSON, *WORKBOOK, *PACKED, *TAR)


def read_table(content: bytes, name: str, issues: ReadIssues | None = None) -> pd.DataFrame:
    """All cells as strings, "" = missing. `Refused` says what is wrong with the file.

    issues  receives the skipped rows, by line number, and warnings
    """
    issues = issues or ReadIssues()
    if not content:
        raise Refused("empty_file", f"{quoted(name)} is empty. A table needs a header and rows.")
    if len(content) > limits.current().table_bytes:
        raise Refused("table_too_large", f"{quoted(name)} has {len(content):,} bytes, more than the limit.")
    if name.lower().endswith(PACKED):
        content, name = unpacked(content, name), name[: -len(".gz")]
    rows = _reader(content, name.lower())(content, name, issues)
    if rows.empty:
        raise Refused("table_empty", f"{quoted(name)} has a header but no rows.")
    return rows


def _reader(content: bytes, name: str) -> Callable[[bytes, str, ReadIssues], pd.DataFrame]:
    if name.endswith(PARQUET) or file_kind(content) == "Parquet":
        return read_parquet
    if name.endswith(WORKBOOK):
        return read_workbook
    return read_records if name.endswith(JSON) else read_delimited


def unpacked(content: bytes, name: str) -> bytes:
    """The content of a gzipped table, within the limits on bytes and on their ratio."""
    most = limits.current()
    return gunzip(content, name, limit=min(most.table_bytes, max(10_000_000, most.ratio * len(content))))


def strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as a string; missing values and NaN become ""."""
    return frame.map(lambda cell: "" if _missing(cell) else str(cell)).rename(columns=str)


def _missing(cell: object) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))
