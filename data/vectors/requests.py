"""In the parent: have the files of vectors read in a confined child, and collect the arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from suture.data import limits, sandbox
from suture.data.errors import Refused
from suture.data.vectors.blocks import Matrix

Arrays = dict[str, "np.ndarray | Matrix"]  # text by row, or vectors
File = tuple[str, Path]  # (the user's name for it, whose stem names a modality; its path)
SUFFIXES = (".npz", ".npy", ".parquet", ".pq")
MAX_BYTES = 16 * 2**30


def read(files: Sequence[File], spool: Path, progress: Callable[[int], None] = lambda new: None) -> Arrays:
    """Two-dimensional arrays as files in `spool`, one-dimensional ones as text. `Refused` if unreadable.

    progress  called with the bytes of each block received
    """
    for label, path in files:
        _check_file(label, path)
    total = sum(path.stat().st_size for _, path in files)
    if total > MAX_BYTES:
        message = f"The files have {total:,} bytes; the limit is {MAX_BYTES:,}. Use fewer rows, or float16."
        raise Refused("table_too_large", message)
    request = {"files": [[label, str(path.absolute())] for label, path in files]}
    budget = sandbox.Budget(memory=4 * total + 2**30, cpu=120, wall=120)
    arrays: Arrays = {}
    cells: dict[str, list[str]] = {}
    for frame in sandbox.run("vectors", request, budget=budget):
        name = str(frame.header["name"])
        if frame.arrays:
            _append(arrays, name, frame.arrays[0], spool)
            progress(frame.arrays[0].nbytes)
        else:
            column = cells.setdefault(name, [])
            column.extend(frame.header["cells"])
            if name in arrays or len(column) > limits.current().table_rows:
                raise _protocol_error()
    return {**arrays, **{name: np.asarray(column, dtype=object) for name, column in cells.items()}}


def _protocol_error() -> sandbox.ParserDied:
    return sandbox.ParserDied("parser_failed", "The file could not be read: the reader's answer was invalid.")


def _append(arrays: Arrays, name: str, block: np.ndarray, spool: Path) -> None:
    """Append a block of rows to a matrix."""
    if name not in arrays and block.ndim == 2:
        arrays[name] = Matrix(spool / f"{len(arrays)}.raw", block.dtype, block.shape[1])
    matrix = arrays.get(name)
    if not (isinstance(matrix, Matrix) and matrix.fits(block)):
        raise _protocol_error()
    matrix.append(block)


def _check_file(label: str, path: Path) -> None:
    if not label.lower().endswith(SUFFIXES):
        message = f"{label!r} is not a vector file. Expected .npz, two or more .npy, or .parquet."
        raise Refused("file_type_not_allowed", message)
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}. Check the path.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{label!r} is empty. Save it again.")
