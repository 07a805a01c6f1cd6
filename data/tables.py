"""Tables of strings from CSV, TSV, Parquet: no guessed types, no decompression, stated encodings."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import Refused

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq")
MAX_ROWS = 2_000_000
MAX_CELL = 50_000  # characters of one report
MAX_PARQUET_BYTES = 4 * 2**30


def read_table(content: bytes, name: str) -> pd.DataFrame:
    """All cells as strings, "" = missing. `Refused` says what is wrong with the file."""
    if not content:
        raise Refused("empty_file", f"{name!r} is empty: a table needs a header and rows.")
    if name.lower().endswith((".parquet", ".pq")):
        rows = _read_parquet(content, name)
    else:
        rows = _read_delimited(decode(content, name), name)
    if rows.empty:
        raise Refused("table_empty", f"{name!r} has a header and no rows.")
    return rows


def decode(content: bytes, name: str) -> str:
    """Text by byte-order mark, else UTF-8, else Windows-1252; never a silent replacement."""
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if utf16 else ["utf-8-sig", "cp1252"]
    if b"\x00" in content[:4096] and not utf16:
        raise Refused(
            "table_not_text",
            f"{name!r} is not a text table (it contains zero bytes). Expected CSV, TSV or Parquet.",
        )
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused(
        "table_encoding",
        f"{name!r} is neither UTF-8 nor Windows-1252. Save it again as UTF-8.",
    )


def _read_delimited(text: str, name: str) -> pd.DataFrame:
    if not text.strip():
        raise Refused("table_empty", f"{name!r} has only blank lines: a table needs a header and rows.")
    header = text.lstrip("\r\n").splitlines()[0]
    separator = max(",;\t|", key=header.count)
    columns = [c.strip() for c in next(csv.reader([header], delimiter=separator))]
    _refuse_double_names(columns, name)
    try:
        rows = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            nrows=MAX_ROWS + 1,
            engine="c",
            on_bad_lines="error",
        ).rename(columns=str.strip)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, ValueError) as error:
        raise Refused(
            "table_corrupt",
            f"{name!r} cannot be read as a table: {error}. Expected a header line and rows with as "
            f"many cells, separated by comma, semicolon or tab, quoted with double quotes.",
        ) from error
    if not isinstance(rows.index, pd.RangeIndex):  # pandas took the surplus cells for row names
        raise Refused(
            "table_corrupt",
            f"Rows of {name!r} have more cells than the header. Put texts with separators in quotes.",
        )
    if len(rows) > MAX_ROWS:
        raise Refused("table_too_large", f"{name!r} has more than {MAX_ROWS:,} rows.")
    return rows


def _refuse_double_names(columns: list[str], name: str) -> None:
    double = sorted({c for c in columns if columns.count(c) > 1 and c})
    if double:
        raise Refused(
            "table_columns_ambiguous",
            f"{name!r} has more than one column called {double[0][:60]!r}. Give each its own name.",
        )


def _read_parquet(content: bytes, name: str) -> pd.DataFrame:
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        if file.metadata.num_rows > MAX_ROWS or size > MAX_PARQUET_BYTES:
            raise Refused("table_too_large", f"{name!r} declares more than {MAX_ROWS:,} rows.")
        table = file.read()
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise Refused("table_corrupt", f"{name!r} is not readable Parquet: {error}.") from error
    return strings(table.to_pandas())


def strings(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as a string; missing values and NaN become ""."""
    return frame.map(lambda cell: "" if _missing(cell) else str(cell)).rename(columns=str)


def _missing(cell: object) -> bool:
    return pd.api.types.is_scalar(cell) and bool(pd.isna(cell))
