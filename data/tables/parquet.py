"""Parquet: the footer is asked before anything is read, and bytes are counted while they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from suture.data import limits
from suture.data.errors import Refused, Skipped
from suture.data.files.names import shown
from suture.data.raw_studies import Noted
from suture.data.tables.delimited import framed, refuse_double_names
from suture.data.tables.encodings import ODD

BATCH = 1024
FOOTER_BYTES = 2**24


def read_parquet(content: bytes, name: str, noted: Noted) -> pd.DataFrame:
    """Every column of plain values as strings, "" = missing."""
    try:
        file = open_parquet(pa.BufferReader(content), name)
        names = [f.name for f in file.schema_arrow if _is_plain(f.type)]
        refuse_double_names(names, name)
        return framed(_rows(file, names, name, len(content), noted), names)
    except Refused:
        raise
    except MemoryError as error:
        raise Refused("table_too_large", f"{shown(name)} needs more memory than there is.") from error
    except Exception as error:  # damaged pages raise ArrowException, OSError, ValueError, TypeError and more
        what = f"{shown(name)} is not readable Parquet ({type(error).__name__}). Write it again."
        raise Refused("table_corrupt", what) from error


def open_parquet(source: pa.NativeFile, name: str) -> pq.ParquetFile:
    """The file, once its footer declares no more than is read; what pyarrow raises if it is damaged."""
    file = pq.ParquetFile(
        source, thrift_string_size_limit=FOOTER_BYTES, thrift_container_size_limit=FOOTER_BYTES // 16
    )
    footer, most = file.metadata, limits.current()
    # Of a column's own size pyarrow asks without a guard: a damaged footer ends the whole process there.
    unpacked = sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
    if not 0 <= footer.num_rows <= most.table_rows or footer.num_columns > most.table_columns:
        message = f"{shown(name)} declares {footer.num_rows:,} rows and {footer.num_columns:,} columns"
        limit = f"the limit is {most.table_rows:,} rows and {most.table_columns:,} columns"
        raise Refused("table_too_large", f"{message}; {limit}.")
    if limits.is_bomb(unpacked, source.size()):
        message = f"{shown(name)} declares {unpacked:,} bytes, too many for its size. Write it again."
        raise Refused("table_too_large", message)
    return file


def _is_plain(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _rows(file: pq.ParquetFile, names: list[str], name: str, size: int, noted: Noted) -> Iterator[list[str]]:
    most, total, number = limits.current().table_bytes, 0, 0
    for batch in file.iter_batches(batch_size=BATCH, columns=names, use_threads=False):
        total += batch.nbytes
        if total > most or limits.is_bomb(total, size):
            message = (
                f"{shown(name)} unpacks to {total:,} bytes or more, too many for its size. Write it again."
            )
            raise Refused("table_too_large", message)
        for cells in zip(*(_cells(batch.column(n)) for n in names), strict=True):
            number += 1
            if ODD.search("".join(cells)):
                what = "The row has a zero byte, or bytes that are not UTF-8. Write it again."
                noted.leave(f"{name}, row {number:,}", Skipped("row_malformed", what))
            else:
                yield list(cells)


def _cells(column: pa.Array) -> list[str]:
    return ["" if v is None or v != v else str(v) for v in values_of(column)]  # v != v: NaN


def values_of(column: pa.Array) -> list[Any]:
    """In Python; a time that it does not know is a number, a byte that is no text half a character."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        raw = column.cast(pa.large_binary()).to_pylist()
        return [None if v is None else v.decode("utf-8", "surrogateescape") for v in raw]
    except (OverflowError, ValueError, KeyError):  # a year beyond 9999, a zone of no name
        if not pa.types.is_temporal(column.type):
            raise
        return list(column.view(pa.int32() if column.type.bit_width == 32 else pa.int64()).to_pylist())
