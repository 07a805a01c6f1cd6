"""In the parent: have the files of vectors read in a confined child, and collect the arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from suture.data import limits, sandbox
from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.vectors.blocks import Matrix
from suture.data.vectors.numbered import PACKED, TABLES

Arrays = dict[str, "np.ndarray | Matrix"]  # text by row, or vectors
File = tuple[str, Path]  # (the user's name for it, whose stem names a modality; its path)
TORCH = (".pt", ".pth")
SUFFIXES = (".npz", ".npy", ".parquet", ".pq", *TABLES, *TORCH)
EXPECTED = ".npz, two or more .npy, .parquet, .csv, .tsv or .pt"
MAX_BYTES = 16 * 2**30
TABLE_SPEED = 4_000_000  # bytes of numbers that a slow machine reads in a second


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
    arrays: Arrays = {}
    cells: dict[str, list[str]] = {}
    for task, own in _by_task(files).items():
        earlier = {*arrays, *cells}
        request = {"files": [[label, str(path.absolute())] for label, path in own]}
        for frame in sandbox.run(task, request, budget=_budget(own)):
            name = str(frame.header["name"])
            if name in earlier:
                message = f"{quoted(name)} is in several files. Give each array its own name."
                raise Refused("duplicate_array", message)
            if frame.arrays:
                _append(arrays, name, frame.arrays[0], spool)
                progress(frame.arrays[0].nbytes)
            else:
                column = cells.setdefault(name, [])
                column.extend(frame.header["cells"])
                if name in arrays or len(column) > limits.current().table_rows:
                    raise _protocol_error()
    return {**arrays, **{name: np.asarray(column, dtype=object) for name, column in cells.items()}}


def _by_task(files: Sequence[File]) -> dict[str, list[File]]:
    """The files by the task that reads them: torch is imported only for its own."""
    tasks: dict[str, list[File]] = {}
    for label, path in files:
        task = "vectors_torch" if label.lower().endswith(TORCH) else "vectors"
        tasks.setdefault(task, []).append((label, path))
    return tasks


def _budget(files: Sequence[File]) -> sandbox.Budget:
    """Tables take more memory than they have bytes, and are read whole before the first answer."""
    sizes = [(label.lower(), path.stat().st_size) for label, path in files]
    memory = sum(
        (24 if label.endswith(PACKED) else 8 if label.endswith(TABLES) else 4) * n for label, n in sizes
    )
    tables = sum((8 if label.endswith(PACKED) else 1) * n for label, n in sizes if label.endswith(TABLES))
    return sandbox.Budget(memory=memory + 2**30, cpu=120, wall=120, start=tables // TABLE_SPEED)


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
    if label.lower().endswith(".lance") or path.is_dir():
        message = (
            f"{label!r} is a folder, such as LanceDB keeps a table in. Save the table as Parquet: table = "
            "lancedb.connect(folder).open_table(name); table.to_pandas().to_parquet('vectors.parquet')."
        )
        raise Refused("file_type_not_allowed", message)
    if not label.lower().endswith(SUFFIXES):
        message = f"{label!r} is not a vector file. Expected {EXPECTED}."
        raise Refused("file_type_not_allowed", message)
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}. Check the path.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{label!r} is empty. Save it again.")
