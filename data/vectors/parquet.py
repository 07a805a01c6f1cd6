"""In the child: columns of a Parquet file; lists of numbers become arrays, all others text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.tables.encodings import without_surrogates
from suture.data.tables.parquet import open_parquet, values_of

BATCH = 16_384  # rows


def read_parquet(path: Path, label: str) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    """(name, blocks of rows) of each column. The footer is checked first."""
    try:
        with pa.OSFile(str(path)) as source:
            file = open_parquet(source, label)
            for field in file.schema_arrow:
                yield field.name, _column(file, field)
    except MemoryError:  # Arrow's is also an ArrowException
        raise
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError) as error:
        message = f"{quoted(label)} is not readable Parquet: it is damaged or truncated. Save it again."
        raise Refused("table_corrupt", message) from error


def _column(file: pq.ParquetFile, field: pa.Field) -> Iterator[np.ndarray]:
    """The vectors or texts of one column, in blocks."""
    batches = (b.column(0) for b in file.iter_batches(BATCH, columns=[field.name], use_threads=False))
    if not _is_list(field.type):
        yield _cells(())  # a column without rows is still a column
        yield from (_cells(values_of(batch)) for batch in batches)
        return
    kind = field.type.value_type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise Refused("embedding_dtype", f"{quoted(field.name)} holds lists of {kind}. Expected floats.")
    widths: set[int | None] = set()
    for batch in batches:
        widths |= {*pc.unique(pc.list_value_length(batch)).to_pylist()}
        if len(widths) > 1 or None in widths:
            raise Refused("embedding_shape", f"Rows of {quoted(field.name)} differ in length.")
        if len(batch):
            yield batch.flatten().to_numpy(zero_copy_only=False).reshape(len(batch), -1)
    if not widths:
        raise Refused("embedding_empty", f"{quoted(field.name)} has no rows, so it has no vectors.")


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)


def _cells(values: Iterable[Any]) -> np.ndarray:
    return np.asarray([_cell(value) for value in values], dtype=object)


def _cell(value: Any) -> str:
    return "" if value is None else without_surrogates(str(value))
