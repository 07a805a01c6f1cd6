"""In the child: .npy, .npz and Parquet. What a header claims is compared with what there is, then read.

Arrays of two dimensions are sent as they are, block by block; of one dimension as text; a single value is
left out.
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
from suture.data.files.names import shown
from suture.data.files.zip_archive import DAMAGED
from suture.data.tables.encodings import storable
from suture.data.vectors.blocks import rows_of
from suture.data.vectors.parquet import read_parquet

Named = tuple[str, Iterator[np.ndarray]]
FORMAT = np.lib.format
MAX_HEADER = 10_000  # bytes of an array's header, as numpy's own default
MAX_NAME = 200
MAX_TEXT = 2**26  # characters of one column
CELLS = 1024  # that are sent at once
LENGTHS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}  # of the header, by version of the format
BROKEN = (
    *(ValueError, SyntaxError, TypeError, KeyError, EOFError, OverflowError, struct.error),
    *(tokenize.TokenError, RecursionError, MemoryError),  # of a deep header the parser raises either
)


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send every array of every file, a block of rows a frame."""
    seen: set[str] = set()
    for label, place in request["files"]:
        for name, blocks in _arrays(label, Path(place)):
            if name in seen:
                raise Refused("duplicate_array", f"{shown(name)} occurs more than once. Give it once.")
            if not name.isprintable() or len(name) > MAX_NAME or len(seen) >= limits.current().table_columns:
                raise Refused("name_invalid", f"{shown(label)} has too many arrays, or one with an odd name.")
            seen.add(name)
            for block in blocks:
                _send(name, block, send)


def _arrays(label: str, path: Path) -> Iterator[Named]:
    suffix = PurePosixPath(label).suffix.lower()
    if suffix == ".npy":
        with path.open("rb") as handle:
            yield PurePosixPath(label).stem, read_npy(handle, path.stat().st_size, label)
    elif suffix == ".npz":
        yield from _npz(label, path)
    else:
        yield from read_parquet(path, label)


def read_npy(stream: BinaryIO, size: int, name: str) -> Iterator[np.ndarray]:
    """One array of plain values out of exactly `size` bytes; no object is ever made.

    A matrix of many rows comes block by block; one in Fortran's order has to be read whole.
    """
    try:
        shape, fortran, dtype = _header(stream)
    except BROKEN as error:
        raise _corrupt(name, "its header is not that of an array") from error
    if dtype.hasobject:
        message = f"{shown(name)} holds Python objects, which are never opened. Save numbers only."
        raise Refused("npy_object_dtype", message)
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=1) < 0 or expected != size - stream.tell() or not dtype.itemsize:
        claim = f"it claims shape {shown(shape)} of {dtype}"
        raise _corrupt(name, f"{claim}, and has {size - stream.tell():,} bytes")
    by_block = len(shape) == 2 and not fortran and min(shape) > 0
    rows = rows_of(shape[1], dtype) if by_block else 0
    sides = [(min(rows, shape[0] - i), shape[1]) for i in range(0, shape[0], rows)] if by_block else [shape]
    for side in sides:
        yield _read(stream, side, fortran, dtype, name)
    if stream.read(1):
        raise _corrupt(name, "it has not as many bytes as it claims")


def _read(stream: BinaryIO, shape: tuple[int, ...], fortran: bool, dtype: np.dtype, name: str) -> np.ndarray:
    expected = math.prod(shape) * dtype.itemsize
    content = stream.read(expected)
    if len(content) != expected:
        raise _corrupt(name, "it has not as many bytes as it claims")
    flat = np.frombuffer(content, dtype)
    try:
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    except (ValueError, OverflowError) as error:
        raise _corrupt(name, "no array has the shape that it claims") from error


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether in Fortran's order, type); what `BROKEN` lists if it is none of a plain array."""
    form = LENGTHS[FORMAT.read_magic(stream)]
    packed = stream.read(struct.calcsize(form))
    (length,) = struct.unpack(form, packed)
    if length > MAX_HEADER:
        raise ValueError("The header is too long.")
    # Version 3 differs from 2 in names of fields alone, and arrays with fields are not taken.
    parse = FORMAT.read_array_header_1_0 if form == "<H" else FORMAT.read_array_header_2_0
    shape, fortran, dtype = parse(io.BytesIO(packed + stream.read(length)), max_header_size=MAX_HEADER)
    if dtype.subdtype or any(type(n) is not int for n in shape):
        raise ValueError("An array within an array, or a side that is no number.")
    return shape, fortran, dtype


def _npz(label: str, path: Path) -> Iterator[Named]:
    with _undamaged(label), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        declared = sum(m.file_size for m in members)
        if limits.is_bomb(declared, path.stat().st_size) or declared > limits.current().archive_bytes:
            message = f"{shown(label)} would unpack to {declared:,} bytes. Save it with numpy.savez."
            raise Refused("zip_too_large", message)
        if not {m.compress_type for m in members} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise _corrupt(label, "it is packed otherwise than numpy packs")
        for member in members:
            with archive.open(member) as stream:
                name = member.filename.removesuffix(".npy")
                yield name, _member(label, cast(BinaryIO, stream), member.file_size, name)


def _member(label: str, stream: BinaryIO, size: int, name: str) -> Iterator[np.ndarray]:
    with _undamaged(label):  # blocks are read when they are asked for, and damage is found then
        yield from read_npy(stream, size, name)


@contextmanager
def _undamaged(label: str) -> Iterator[None]:
    try:
        yield
    except (*DAMAGED, OSError, EOFError, RuntimeError, NotImplementedError) as error:
        raise _corrupt(label, "its archive is damaged, cut off or encrypted") from error


def _send(name: str, array: np.ndarray, send: Callable[..., None]) -> None:
    if array.ndim == 1:
        cells = _cells(name, array)
        for start in range(0, max(1, len(cells)), CELLS):
            send({"name": name, "cells": cells[start : start + CELLS]})
    elif array.ndim == 2:
        if array.dtype.kind not in "fiub":
            raise Refused("embedding_dtype", f"{shown(name)} is {array.dtype}; floats are needed.")
        wide = np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
        send({"name": name}, [array.astype(wide, copy=False)])
    elif array.ndim > 2:
        raise Refused("embedding_shape", f"{shown(name)} has {array.ndim} dimensions, not 2.")


def _cells(name: str, array: np.ndarray) -> list[str]:
    """A column as text."""
    most = limits.current().table_rows
    if len(array) > most or (array.dtype.kind in "US" and len(array) * array.dtype.itemsize > 4 * MAX_TEXT):
        raise Refused("table_too_large", f"{shown(name)} is too long a column: {len(array):,} cells.")
    if array.dtype.kind not in "OUSfiubM":
        raise Refused("embedding_dtype", f"{shown(name)} is {array.dtype}; text or numbers are needed.")
    try:
        texts = np.char.decode(array, "utf-8", "replace") if array.dtype.kind == "S" else array
        plain = texts if texts.dtype.kind in "OU" else texts.astype(str)  # longest cells of a few characters
        return [storable(str(text)) for text in plain.tolist()]
    except (ValueError, OverflowError) as error:
        raise _corrupt(name, "its text has characters that do not exist") from error


def _corrupt(name: str, reason: str) -> Refused:
    return Refused("npy_corrupt", f"{shown(name)} is not a readable array: {reason}. Save it again.")
