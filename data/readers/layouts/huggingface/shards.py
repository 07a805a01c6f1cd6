"""Arrow and Parquet files whose images are read one at a time.

Files in a folder are memory-mapped, so what is not read costs no memory. Files in a ZIP are decompressed
whole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import pyarrow as pa

from suture.data.errors import Refused
from suture.data.files.magic import file_kind, is_dicom
from suture.data.files.sources import Files, FolderFiles
from suture.data.images.decoding import FORMATS
from suture.data.readers.file_lookup import is_image_name
from suture.data.readers.layouts.huggingface.cells import features_of
from suture.data.tables.parquet import open_parquet

KEPT_GROUPS = 4  # Parquet row groups kept in memory; decoding runs a few images ahead
MAX_GROUP_BYTES = 4 * 2**30
SEARCHED_ROWS = 100  # for the first filled cell of a column


class Shard(Protocol):
    """One file of a dataset: columns of images, and all others."""

    image_columns: tuple[str, ...]
    other_columns: tuple[str, ...]
    features: dict[str, Any]

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def others(self) -> pa.Table:
        """The columns that are not images."""
        ...

    def paths(self, column: str) -> list[str | None]:
        """The original file name of each image, "" if unknown, None where there is no image."""
        ...

    def picture(self, column: str, row: int) -> bytes | None:
        """The encoded image, or None if only its path is stored."""
        ...


def open_shard(files: Files, name: str) -> Shard:
    """The file called `name`; `Refused` if it is damaged or missing."""
    try:
        source = _source(files, name)
        return ArrowShard(source) if name.endswith(".arrow") else ParquetShard(source)
    except KeyError as error:
        message = f"{name!r} is a link out of the folder. Copy the dataset with its files (cp -rL)."
        raise Refused("no_usable_files", message) from error
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise Refused(
            "table_corrupt", f"{name!r} is not a readable Arrow or Parquet file. Copy it again."
        ) from error


def _source(files: Files, name: str) -> pa.NativeFile:
    path = _on_disk(files, name)
    return pa.memory_map(str(path)) if path else pa.BufferReader(files.read(name))


def _on_disk(files: Files, name: str) -> Path | None:
    """The path of the file, if it is on disk and can be mapped; the rules of `FolderFiles.read` apply."""
    if not isinstance(files, FolderFiles):
        return None
    path = (files.root / name).resolve()
    if not path.is_relative_to(files.root.resolve()) or not path.is_file():
        raise KeyError(name)
    return path


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return {"bytes", "path"} <= {field.name for field in kind}
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _columns(schema: pa.Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    images = tuple(f.name for f in schema if _is_image(f.type))
    nested = {f.name for f in schema if pa.types.is_struct(f.type)}
    return images, tuple(n for n in schema.names if n not in nested and n not in images)


def image_columns(shard: Shard) -> tuple[str, ...]:
    """The image columns whose first filled cell is an image, or the path of one."""
    return tuple(column for column in shard.image_columns if _first_is_image(shard, column))


def _first_is_image(shard: Shard, column: str) -> bool:
    paths = shard.paths(column)
    for row, path in enumerate(paths[:SEARCHED_ROWS]):
        if path is None:
            continue
        content = shard.picture(column, row)
        if content:
            return is_dicom(content) or file_kind(content) in FORMATS
        if path:
            return is_image_name(path)
    return False


def _path_cells(column: pa.ChunkedArray) -> list[str | None]:
    """File names from a struct column; None where the whole struct is missing."""
    return [None if c is None else PurePosixPath(c.get("path") or "").name for c in column.to_pylist()]


def _bytes_of(cell: object) -> bytes | None:
    return cell.get("bytes") if isinstance(cell, dict) else cell  # type: ignore[return-value]


class ArrowShard:
    """An Arrow stream as `save_to_disk` writes it (or an Arrow file)."""

    def __init__(self, source: pa.NativeFile) -> None:
        try:
            self.table = pa.ipc.open_stream(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            self.table = pa.ipc.open_file(source).read_all()
        self.table.validate(full=True)  # otherwise offsets that point outside would be followed
        self.image_columns, self.other_columns = _columns(self.table.schema)
        self.features = features_of(self.table.schema)

    def __len__(self) -> int:
        return self.table.num_rows

    def others(self) -> pa.Table:
        return self.table.select(list(self.other_columns))

    def paths(self, column: str) -> list[str | None]:
        cells = self.table.column(column)
        if not pa.types.is_struct(cells.type):
            return [None if null else "" for null in cells.is_null().to_pylist()]
        present = zip(
            pa.compute.struct_field(cells, "path").to_pylist(), cells.is_null().to_pylist(), strict=True
        )
        return [None if null else PurePosixPath(path or "").name for path, null in present]

    def picture(self, column: str, row: int) -> bytes | None:
        return _bytes_of(self.table.column(column)[row].as_py())


class ParquetShard:
    """A Parquet file; the row groups read last stay in memory."""

    def __init__(self, source: pa.NativeFile) -> None:
        self.file = open_parquet(source, "A shard")
        self.image_columns, self.other_columns = _columns(self.file.schema_arrow)
        self.features = features_of(self.file.schema_arrow)
        groups = [self.file.metadata.row_group(i) for i in range(self.file.metadata.num_row_groups)]
        self._starts = [0]
        for group in groups:
            if group.total_byte_size > MAX_GROUP_BYTES:
                raise Refused(
                    "table_too_large", f"A row group declares more than {MAX_GROUP_BYTES:,} bytes, the limit."
                )
            self._starts.append(self._starts[-1] + group.num_rows)
        self._kept: OrderedDict[tuple[int, str], pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()  # a ParquetFile is not thread-safe

    def __len__(self) -> int:
        return self._starts[-1]

    def others(self) -> pa.Table:
        return self.file.read(columns=list(self.other_columns))

    def paths(self, column: str) -> list[str | None]:
        if not pa.types.is_struct(self.file.schema_arrow.field(column).type):
            return [""] * len(self)
        return _path_cells(self.file.read(columns=[f"{column}.path"]).column(column))

    def picture(self, column: str, row: int) -> bytes | None:
        group = next(g for g, start in enumerate(self._starts[1:]) if row < start)
        with self._lock:
            cells = self._group(group, column)
        return _bytes_of(cells[row - self._starts[group]].as_py())

    def _group(self, group: int, column: str) -> pa.ChunkedArray:
        key = (group, column)
        if key not in self._kept:
            self._kept[key] = self.file.read_row_group(group, columns=[column]).column(column)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT_GROUPS:
            self._kept.popitem(last=False)
        return self._kept[key]
