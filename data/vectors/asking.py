"""Files of vectors -> arrays by name, read in a limited child."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data import sandbox
from data.errors import Refused

Arrays = dict[str, np.ndarray]
File = tuple[str, Path]  # what the user calls it, whose stem names a modality; where it is
SUFFIXES = (".npz", ".npy", ".parquet", ".pq")
MAX_BYTES = 16 * 2**30


def read(files: Sequence[File]) -> Arrays:
    """Arrays of two dimensions as they are, of one as text. `Refused` says why a file cannot be read."""
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
    frames = sandbox.run("vectors", request, budget=budget)
    return {f.header["name"]: f.arrays[0] if f.arrays else _text(f.header["cells"]) for f in frames}


def _text(cells: list[str]) -> np.ndarray:
    return np.asarray(cells, dtype=object)


def _refuse_at_sight(label: str, path: Path) -> None:
    if not label.lower().endswith(SUFFIXES):
        message = f"{label!r} is not a file of vectors. Expected .npz, .npy (two or more) or .parquet."
        raise Refused("file_type_not_allowed", message)
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{label!r} is empty.")
