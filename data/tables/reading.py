"""Read CSV, TSV and Parquet as tables of strings: no type guessing, no decompression, known encodings."""

from __future__ import annotations

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.magic import file_kind
from suture.data.files.names import quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.tables.delimited import read_delimited
from suture.data.tables.encodings import decode
from suture.data.tables.parquet import read_parquet

__all__ = ["PARQUET", "SUFFIXES", "decode", "read_table", "strings"]

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".txt", *PARQUET)


def read_table(content: bytes, name: str, issues: ReadIssues | None = None) -> pd.DataFrame:
    """All cells as strings, "" = missing. `Refused` says what is wrong with the file.

    issues  receives the skipped rows, by line number, and warnings
    """
    issues = issues or ReadIssues()
    if not content:
        raise Refused("empty_file", f"{quoted(name)} is empty. A table needs a header and rows.")
    if len(content) > limits.current().table_bytes:
        raise Refused("table_too_large", f"{quoted(name)} has {len(content):,} bytes, more than the limit.")
    read = (
        read_parquet if name.lower().endswith(PARQUET) or file_kind(content) == "Parquet" else read_delimited
    )
    rows = read(content, name, issues)
    if rows.empty:
        raise Refused("table_empty", f"{quoted(name)} has a header but no rows.")
    return rows


def strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as a string; missing values and NaN become ""."""
    return frame.map(lambda cell: "" if _missing(cell) else str(cell)).rename(columns=str)


def _missing(cell: object) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))
