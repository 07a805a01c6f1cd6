"""In the child: columns of a Parquet file. Lists of numbers and numbered columns become arrays, others text.

A row that is null there lacks the modality.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.tables.encodings import without_surrogates
from suture.data.tables.parquet import open_parquet, values_of
from suture.data.vectors.numbered import column_name, coordinates

BATCH = 16_384  # rows


def read_parquet(path: Path, label: str) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    """(name, blocks of rows) of each column. The footer is checked first."""
    with _damage_as_refused(label), pa.OSFile(str(path)) as source:
        for name, blocks in _columns(open_parquet(source, label), PurePosixPath(label).stem):
            yield name, _guarded(blocks, label)


def _columns(file: pq.ParquetFile, stem: str) -> Iterator[tuple[str, Iterator[np.ndarray]]]:
    names = file.schema_arrow.names
    numbers = [f.name for f in file.schema_arrow if _is_number(f.type) and names.count(f.name) == 1]
    numbered = coordinates(numbers, stem)
    taken = {column for columns in numbered.values() for column in columns}
    absent: dict[str, list[np.ndarray]] = {}
    for vector, columns in numbered.items():
        yield vector, _side_by_side(file, columns, absent.setdefault(vector, []))
    for field in file.schema_arrow:
        if _is_list(field.type):
            yield field.name, _lists(file, field, absent.setdefault(field.name, []))
        elif field.name not in taken:
            yield column_name(field.name, numbered), _texts(file, field.name)
    for vector, found in absent.items():
        lacking = np.concatenate(found or [np.zeros(0, bool)])
        if lacking.any() and f"present:{vector}" not in names:
            yield f"present:{vector}", iter([np.where(lacking, "False", "True").astype(object)])


@contextmanager
def _damage_as_refused(label: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:  # Arrow's is also an ArrowException
        raise
    except (pa.ArrowException, OSError, EOFError, ValueError, KeyError) as error:
        message = f"{quoted(label)} is not readable Parquet: it is damaged or truncated. Save it again."
        raise Refused("table_corrupt", message) from error


def _guarded(blocks: Iterator[np.ndarray], label: str) -> Iterator[np.ndarray]:
    """The blocks, which are read lazily, so that damage shows up here."""
    with _damage_as_refused(label):
        yield from blocks


def _texts(file: pq.ParquetFile, name: str) -> Iterator[np.ndarray]:
    """A column as text, in blocks."""
    yield _cells(())  # a column without rows is still a column
    for batch in file.iter_batches(BATCH, columns=[name], use_threads=False):
        yield _cells(values_of(batch.column(0)))


def _side_by_side(file: pq.ParquetFile, names: list[str], absent: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The vectors of columns of coordinates, in blocks; rows that are null throughout are zeros."""
    for batch in file.iter_batches(BATCH, columns=names, use_threads=False):
        lacking = np.logical_and.reduce([batch.column(n).is_null().to_numpy(False) for n in names])
        cells = [batch.column(n).cast(pa.float64()).to_numpy(zero_copy_only=False) for n in names]
        absent.append(lacking)
        yield np.where(lacking[:, None], 0, np.stack(cells, axis=1))


def _lists(file: pq.ParquetFile, field: pa.Field, absent: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The vectors of a column of lists, in blocks; rows that are null are zeros, nulls in a list NaN."""
    kind = field.type.value_type
    if not _is_number(kind):
        raise Refused("embedding_dtype", f"{quoted(field.name)} holds lists of {kind}. Expected floats.")
    dtype, width, before = kind.to_pandas_dtype(), 0, 0
    for batch in file.iter_batches(BATCH, columns=[field.name], use_threads=False):
        column = batch.column(0)
        known = column.is_valid().to_numpy(zero_copy_only=False)
        lengths = {*pc.unique(pc.list_value_length(column.drop_null())).to_pylist()}
        absent.append(~known)
        if not lengths and not width:
            before += len(known)  # null until the first list tells the width
            continue
        if len(lengths) > 1 or (width and lengths - {width}):
            raise Refused("embedding_shape", f"Rows of {quoted(field.name)} differ in length.")
        width = width or lengths.pop()
        for most in range(0, before, BATCH):
            yield np.zeros((min(BATCH, before - most), width), dtype)
        before = 0
        block = np.zeros((len(known), width), dtype)
        block[known] = column.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
        yield block
    if not width:
        raise Refused("embedding_empty", f"{quoted(field.name)} has no vectors.")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind)


def _cells(values: Iterable[Any]) -> np.ndarray:
    return np.asarray([_cell(value) for value in values], dtype=object)


def _cell(value: Any) -> str:
    return "" if value is None else without_surrogates(str(value))
