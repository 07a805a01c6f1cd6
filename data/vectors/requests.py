"""Files of vectors -> arrays by name, read in a limited child, which sends them block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from suture.data import limits, sandbox
from suture.data.errors import Refused
from suture.data.vectors.blocks import Matrix

Arrays = dict[str, "np.ndarray | Matrix"]  # text by row, or vectors
File = tuple[str, Path]  # what the user calls it, whose stem names a modality; where it is
SUFFIXES = (".npz", ".npy", ".parquet", ".pq")
MAX_BYTES = 16 * 2**30


def read(files: Sequence[File], spool: Path, told: Callable[[int], None] = lambda new: None) -> Arrays:
    """Arrays of two dimensions as files in `spool`, of one as text. `Refused` says why one cannot be read.

    told: called with the bytes of every block that came
    """
    for label, path in files:
        _refuse_at_sight(label, path)
    total = sum(path.stat().st_size for _, path in files)
    if total > MAX_BYTES:
        message = (
            f"The files have {total:,} bytes; at most {MAX_BYTES:,} are read. Take fewer rows, or float16."
        )
        raise Refused("table_too_large", message)
    request = {"files": [[label, str(path.absolute())] for label, path in files]}
    budget = sandbox.Budget(memory=4 * total + 2**30, cpu=120, wall=120)
    arrays: Arrays = {}
    cells: dict[str, list[str]] = {}
    for frame in sandbox.run("vectors", request, budget=budget):
        name = str(frame.header["name"])
        if frame.arrays:
            _append(arrays, name, frame.arrays[0], spool)
            told(frame.arrays[0].nbytes)
        else:
            column = cells.setdefault(name, [])
            column.extend(frame.header["cells"])
            if name in arrays or len(column) > limits.current().table_rows:
                raise _misfit()
    return {**arrays, **{name: np.asarray(column, dtype=object) for name, column in cells.items()}}


def _misfit() -> sandbox.ParserDied:
    return sandbox.ParserDied("parser_failed", "It could not be read: the reader sent what does not fit.")


def _append(arrays: Arrays, name: str, block: np.ndarray, spool: Path) -> None:
    """Further rows of a matrix, which come block by block."""
    if name not in arrays and block.ndim == 2:
        arrays[name] = Matrix(spool / f"{len(arrays)}.raw", block.dtype, block.shape[1])
    matrix = arrays.get(name)
    if not (isinstance(matrix, Matrix) and matrix.fits(block)):
        raise _misfit()
    matrix.append(block)


def _refuse_at_sight(label: str, path: Path) -> None:
    if not label.lower().endswith(SUFFIXES):
        message = f"{label!r} is not a file of vectors. Expected .npz, .npy (two or more) or .parquet."
        raise Refused("file_type_not_allowed", message)
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{label!r} is empty.")
