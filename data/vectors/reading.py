"""In the child: read .npy, .npz, Parquet and CSV. Headers are compared with the actual sizes before reading.

Two-dimensional arrays are sent as they are, in blocks; one-dimensional arrays as text; scalars are ignored.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.files.zip_archive import DAMAGED
from suture.data.tables.encodings import without_surrogates
from suture.data.vectors.blocks import rows_of
from suture.data.vectors.delimited import read_delimited
from suture.data.vectors.numbered import TABLES
from suture.data.vectors.parquet import read_parquet

NamedBlocks = tuple[str, Iterator[np.ndarray]]
FORMAT = np.lib.format
MAX_HEADER = 10_000  # bytes of an array's header; numpy's own default
MAX_NAME = 200
MAX_TEXT = 2**26  # characters of one column
CELLS_PER_FRAME = 1024
LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}  # type of the header's length, by format version
HEADER_ERRORS = (
    *(ValueError, SyntaxError, TypeError, KeyError, EOFError, OverflowError, struct.error),
    *(tokenize.TokenError, RecursionError, MemoryError),  # raised for a deeply nested header
)


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send every array of every file, one block of rows per frame."""
    seen: set[str] = set()
    for label, place in request["files"]:
        for name, blocks in _arrays(label, Path(place)):
            check_name(name, seen, label)
            for block in blocks:
                send_array(name, block, send)


def check_name(name: str, seen: set[str], label: str) -> None:
    """Add the name of an array to those seen. `Refused` if it is one of them, or no name."""
    if name in seen:
        raise Refused(
            "duplicate_array", f"{quoted(name)} occurs more than once. Give each array its own name."
        )
    if not name.isprintable() or len(name) > MAX_NAME or len(seen) >= limits.current().table_columns:
        raise Refused("name_invalid", f"{quoted(label)} has too many arrays, or one with an invalid name.")
    seen.add(name)


def _arrays(label: str, path: Path) -> Iterator[NamedBlocks]:
    suffix = PurePosixPath(label).suffix.lower()
    if suffix == ".npy":
        with path.open("rb") as handle:
            yield PurePosixPath(label).stem, read_npy(handle, path.stat().st_size, label)
    elif suffix == ".npz":
        yield from _npz(label, path)
    elif label.lower().endswith(TABLES):
        yield from read_delimited(path, label)
    else:
        yield from read_parquet(path, label)


def read_npy(stream: BinaryIO, size: int, name: str) -> Iterator[np.ndarray]:
    """One array of plain values from exactly `size` bytes; Python objects are never created.

    A matrix is yielded in blocks of rows; one in Fortran order has to be read whole.
    """
    try:
        shape, fortran, dtype = _header(stream)
    except HEADER_ERRORS as error:
        raise _corrupt(name, "it has no valid array header") from error
    if dtype.hasobject:
        raise Refused(
            "npy_object_dtype", f"{quoted(name)} holds Python objects, which are not read. {_plain(shape)}"
        )
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 0 or expected != size - stream.tell() or not dtype.itemsize:
        claim = f"its header declares shape {quoted(shape)} of {dtype}"
        raise _corrupt(name, f"{claim}, but it has {size - stream.tell():,} bytes")
    by_block = len(shape) == 2 and not fortran and min(shape) > 0
    rows = rows_of(shape[1], dtype) if by_block else 0
    sides = [(min(rows, shape[0] - i), shape[1]) for i in range(0, shape[0], rows)] if by_block else [shape]
    for side in sides:
        yield _read(stream, side, fortran, dtype, name)
    if stream.read(1):
        raise _corrupt(name, "it has a different size than its header declares")


def _plain(shape: tuple[int, ...]) -> str:
    """How to save an array of this shape without Python objects."""
    if len(shape) == 1:
        return (
            "Save text with numpy.asarray(values, dtype=str), such as ids; numbers with dtype=float; vectors "
            "as rows of one length."
        )
    return "Save numbers of one type: numpy.asarray(values, dtype=numpy.float32), with rows of one length."


def _read(stream: BinaryIO, shape: tuple[int, ...], fortran: bool, dtype: np.dtype, name: str) -> np.ndarray:
    expected = math.prod(shape) * dtype.itemsize
    content = stream.read(expected)
    if len(content) != expected:
        raise _corrupt(name, "it has a different size than its header declares")
    flat = np.frombuffer(content, dtype)
    try:
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise _corrupt(name, "its header declares an impossible shape") from error


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether in Fortran order, type) of a plain array; raises one of `HEADER_ERRORS` otherwise."""
    form = LENGTHS[FORMAT.read_magic(stream)]
    packed = stream.read(struct.calcsize(form))
    (length,) = struct.unpack(form, packed)
    if length > MAX_HEADER:
        raise ValueError("The header is too long.")
    # Version 3 differs from 2 only in field names, and arrays with fields are refused.
    parse = FORMAT.read_array_header_1_0 if form == "<H" else FORMAT.read_array_header_2_0
    shape, fortran, dtype = parse(io.BytesIO(packed + stream.read(length)), max_header_size=MAX_HEADER)
    if dtype.subdtype or any(type(n) is not int for n in shape):
        raise ValueError("A subarray type, or a dimension that is not an integer.")
    return shape, fortran, dtype


def _npz(label: str, path: Path) -> Iterator[NamedBlocks]:
    with _archive_errors_as_refused(label), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        declared = sum(m.file_size for m in members)
        if limits.is_bomb(declared, path.stat().st_size) or declared > limits.current().archive_bytes:
            message = f"{quoted(label)} would decompress to {declared:,} bytes. Save it with numpy.savez."
            raise Refused("zip_too_large", message)
        if not {m.compress_type for m in members} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise _corrupt(label, "its compression method is not one that numpy uses")
        for member in members:
            with archive.open(member) as stream:
                name = member.filename.removesuffix(".npy")
                yield name, _member(label, cast(BinaryIO, stream), member.file_size, name)


def _member(label: str, stream: BinaryIO, size: int, name: str) -> Iterator[np.ndarray]:
    with _archive_errors_as_refused(label):  # blocks are read lazily, so damage shows up here
        yield from read_npy(stream, size, name)


@contextmanager
def _archive_errors_as_refused(label: str) -> Iterator[None]:
    try:
        yield
    except (*DAMAGED, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise _corrupt(label, "its archive is damaged, truncated or encrypted") from error


def send_array(name: str, array: np.ndarray, send: Callable[..., None]) -> None:
    """Send a block of vectors, or a column as text; a single value is ignored."""
    if array.ndim == 1:
        cells = text_cells(name, array)
        for start in range(0, max(1, len(cells)), CELLS_PER_FRAME):
            send({"name": name, "cells": cells[start : start + CELLS_PER_FRAME]})
    elif array.ndim == 2:
        if array.dtype.kind not in "fiub":
            raise Refused("embedding_dtype", f"{quoted(name)} has type {array.dtype}. Expected floats.")
        wide = np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
        send({"name": name}, [array.astype(wide, copy=False)])
    elif array.ndim > 2:
        raise Refused("embedding_shape", f"{quoted(name)} has {array.ndim} dimensions. Expected 2.")


def text_cells(name: str, array: np.ndarray) -> list[str]:
    """A column as text."""
    most = limits.current().table_rows
    if len(array) > most or (array.dtype.kind in "US" and len(array) * array.dtype.itemsize > 4 * MAX_TEXT):
        raise Refused("table_too_large", f"{quoted(name)} has too many cells for a column: {len(array):,}.")
    if array.dtype.kind not in "OUSfiubM":
        raise Refused("embedding_dtype", f"{quoted(name)} has type {array.dtype}. Expected text or numbers.")
    try:
        texts = np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
        plain = (
            texts if texts.dtype.kind in "OU" else texts.astype(str)
        )  # only text columns can have long cells
        return [without_surrogates(str(text)) for text in plain.tolist()]
    except (ValueError, OverflowError) as error:
        raise _corrupt(name, "its text has invalid characters") from error


def _corrupt(name: str, reason: str) -> Refused:
    return Refused("npy_corrupt", f"{quoted(name)} is not a readable array: {reason}. Save it again.")
