"""Parquet: the footer is checked before anything is read, and bytes are counted while reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import quoted
from suture.data.files.read_issues import ReadIssues
from suture.data.tables.delimited import refuse_duplicate_columns, string_table
from suture.data.tables.encodings import INVALID_CHARACTERS

BATCH = 1024
FOOTER_BYTES = 2**24


def read_parquet(content: bytes, name: str, issues: ReadIssues) -> pd.DataFrame:
    """Every column of plain values as strings, "" = missing; nested and binary columns are ignored."""
    try:
        file = open_parquet(pa.BufferReader(content), name)
        names = [f.name for f in file.schema_arrow if _is_plain(f.type)]
        refuse_duplicate_columns(names, name)
        return string_table(_rows(file, names, name, len(content), issues), names)
    except Refused:
        raise
    except MemoryError as error:
        raise Refused("table_too_large", f"{quoted(name)} needs more memory than is available.") from error
    except Exception as error:  # damaged pages raise ArrowException, OSError, ValueError, TypeError, …
        what = f"{quoted(name)} is not readable Parquet ({type(error).__name__}). Write it again."
        raise Refused("table_corrupt", what) from error


def open_parquet(source: pa.NativeFile, name: str) -> pq.ParquetFile:
    """The opened file. `Refused` if its footer exceeds the limits; raises pyarrow's errors if damaged."""
    file = pq.ParquetFile(
        source, thrift_string_size_limit=FOOTER_BYTES, thrift_container_size_limit=FOOTER_BYTES // 16
    )
    footer, most = file.metadata, limits.current()
    # Sizes of row groups, not of columns: pyarrow reads those unchecked, and a damaged footer crashes it.
    unpacked = sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
    if not 0 <= footer.num_rows <= most.table_rows or footer.num_columns > most.table_columns:
        message = f"{quoted(name)} declares {footer.num_rows:,} rows and {footer.num_columns:,} columns"
        limit = f"the limit is {most.table_rows:,} rows and {most.table_columns:,} columns"
        raise Refused("table_too_large", f"{message}; {limit}.")
    if limits.is_bomb(unpacked, source.size()):
        message = f"{quoted(name)} declares {unpacked:,} bytes, too many for its size. Write it again."
        raise Refused("table_too_large", message)
    return file


def _is_plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _rows(
    file: pq.ParquetFile, names: list[str], name: str, size: int, issues: ReadIssues
) -> Iterator[list[str]]:
    most, total, number = limits.current().table_bytes, 0, 0
    for batch in file.iter_batches(batch_size=BATCH, columns=names, use_threads=False):
        total += batch.nbytes
        if total > most or limits.is_bomb(total, size):
            message = (
                f"{quoted(name)} decompresses to over {total:,} bytes, too many for its size. Save it again."
            )
            raise Refused("table_too_large", message)
        for cells in zip(*(_cells(batch.column(n)) for n in names), strict=True):
            number += 1
            if INVALID_CHARACTERS.search("".join(cells)):
                what = "The row has a zero byte, or bytes that are not UTF-8. Write it again."
                issues.skip(f"{name}, row {number:,}", Skipped("row_malformed", what))
            else:
                yield list(cells)


def _cells(column: pa.Array) -> list[str]:
    return ["" if v is None or v != v else str(v) for v in values_of(column)]  # v != v: NaN


def values_of(column: pa.Array) -> list[Any]:
    """The column as Python values. Unrepresentable times become integers, undecodable bytes surrogates."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary()).to_pylist()
        return [None if v is None else v.decode("utf-8", "surrogateescape") for v in raw]
    except (OverflowError, ValueError, KeyError):  # a year beyond 9999, an unknown time zone
        if not pa.types.is_temporal(column.type):
            raise
        return list(column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).to_pylist())
