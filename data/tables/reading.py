"""Tables of strings from CSV, TSV, Parquet: no guessed types, no decompression, stated encodings."""

from __future__ import annotations

import pandas as pd

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.magic import kind_of
from suture.data.files.names import shown
from suture.data.raw_studies import Noted
from suture.data.tables.delimited import read_delimited
from suture.data.tables.encodings import decode
from suture.data.tables.parquet import read_parquet

__all__ = ["PARQUET", "SUFFIXES", "decode", "read_table", "strings"]

PARQUET = (".parquet", ".pq")
SUFFIXES = (".csv", ".tsv", ".txt", *PARQUET)


def read_table(content: bytes, name: str, noted: Noted | None = None) -> pd.DataFrame:
    """All cells as strings, "" = missing. `Refused` says what is wrong with the file.

    noted  takes the rows that had to be left out, by line number, and what is worth a warning
    """
    noted = noted or Noted()
    if not content:
        raise Refused("empty_file", f"{shown(name)} is empty: a table needs a header and rows.")
    if len(content) > limits.current().table_bytes:
        raise Refused("table_too_large", f"{shown(name)} has {len(content):,} bytes, more than are read.")
    read = read_parquet if name.lower().endswith(PARQUET) or kind_of(content) == "Parquet" else read_delimited
    rows = read(content, name, noted)
    if rows.empty:
        raise Refused("table_empty", f"{shown(name)} has a header and no rows.")
    return rows


def strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as a string; missing values and NaN become ""."""
    return frame.map(lambda cell: "" if _missing(cell) else str(cell)).rename(columns=str)


def _missing(cell: object) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))
