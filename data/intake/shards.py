"""An intake in the making lies on the disk: one that was cut off goes on from there, and memory stays small.

A folder holds the pictures in one growing pack, the cells in a Parquet file for each PART rows of the source,
and `state.json`, which is written last: what it does not tell of never happened.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from suture.data.collection import STUDY_ID
from suture.data.errors import UserError
from suture.data.images.pack import PackWriter
from suture.data.intake.progress import State
from suture.data.workspace import COLLECTION, Workspace, disk_space, write_atomically
from suture.data.workspace.durable import flush

PART = 1024  # rows of the source that are published at once
JOINED = 8  # parts that are one row group of the collection
STATE = "state.json"
PASSING = (  # of the machine, or of a moment: what was taken may be gone on from
    *("disk_full", "workspace_read_only", "source_missing"),
    *("parser_timeout", "parser_out_of_memory", "parser_died"),
)


@contextmanager
def making(workspace: Workspace, name: str, key: str) -> Iterator[Parts]:
    """What there is of an intake of the source `key` under this name, for us alone.

    It stays when we are cut off, by whatever passes too, and goes when the intake has come through or its
    source is refused. Another intake under the name waits for this one, and then finds the name taken.
    """
    workspace.require_space(0)
    folder = _folder(workspace, name)
    lock = folder.with_suffix(".lock")
    with FileLock(lock):
        try:
            workspace.refuse_taken(COLLECTION, name)
            with disk_space.named(workspace.home):
                yield Parts(workspace.parts(folder), key)
        except UserError as error:
            if error.code not in PASSING:
                _end(workspace, name, lock)
            raise
        _end(workspace, name, lock)


def _end(workspace: Workspace, name: str, lock: Path) -> None:
    settle(workspace, name)
    lock.unlink(missing_ok=True)  # whoever waits for it sees that it is gone, and makes another


def settle(workspace: Workspace, name: str) -> None:
    """Clear away what an intake under this name has left, once nothing is to go on from there."""
    shutil.rmtree(_folder(workspace, name), ignore_errors=True)


def _folder(workspace: Workspace, name: str) -> Path:
    key = hashlib.sha256(f"{workspace.owner}\n{name}".encode()).hexdigest()[:24]
    return workspace.home / "parts" / f"import-{key}"


class Parts:
    """Cells and pictures of the studies that were taken; `state` tells how far it has come."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.state = self._found(key)
        self.pack: PackWriter | None = None
        self._cells: list[dict[str, Any]] = []
        self._types: dict[str, str] = {}
        self._packed = 1  # offsets that are published

    def _found(self, key: str) -> State:
        """Where the intake of this very source stopped; of another nothing is kept."""
        path = self.folder / STATE
        if path.is_file() and (found := State.from_json(path.read_bytes())).key == key:
            return found
        shutil.rmtree(self.folder)
        self.folder.mkdir(mode=0o700)
        return State(key)

    def begin(self, columns: Sequence[str], images: Sequence[str]) -> None:
        """Say which cells a study has; `images` are numbers of pictures."""
        self._types = {c: "int64" if c in images else "str" for c in columns}
        if images:
            ends = [np.load(self._path(i, "npy"), allow_pickle=False) for i in range(self.state.parts)]
            self.pack = PackWriter(self.folder, np.concatenate([[0], *ends]).astype(np.int64).tolist())
            self._packed = len(self.pack.offsets)

    def ids(self) -> set[str]:
        """The ids of all studies that were taken."""
        parts = (self._cells_of(i, [STUDY_ID]) for i in range(self.state.parts))
        return {str(cell) for part in parts for cell in part[STUDY_ID].to_pylist()}

    def add(self, cells: dict[str, Any]) -> None:
        """One more study, whose pictures are in the pack."""
        self._cells.append(cells)
        self.state.taken += 1

    def publish(self) -> None:
        """Bring to the disk what was added since the last time, then the state."""
        number = self.state.parts
        if self.pack:
            self.pack.flush()
            np.save(self._path(number, "npy"), np.asarray(self.pack.offsets[self._packed :], np.int64))
            flush(self._path(number, "npy"))
            self._packed = len(self.pack.offsets)
        cells = pd.DataFrame(self._cells, columns=[*self._types]).astype(self._types)
        pq.write_table(pa.Table.from_pandas(cells, preserve_index=False), self._path(number, "parquet"))
        flush(self._path(number, "parquet"))
        self._cells = []
        self.state.parts += 1
        write_atomically(self.folder / STATE, self.state.to_json())

    def tables(self) -> Iterator[pd.DataFrame]:
        """All studies in order, some thousands at a time."""
        for first in range(0, self.state.parts, JOINED):
            numbers = range(first, min(first + JOINED, self.state.parts))
            yield pa.concat_tables([self._cells_of(i) for i in numbers]).to_pandas()

    def hand_over(self, staged: Path) -> None:
        """Put the pictures where the collection is staged; they also stay here until it is published."""
        if self.pack:
            self.pack.close()
            for file in ("images.bin", "images.npy"):
                try:
                    os.link(self.folder / file, staged / file)
                except OSError:  # a file system without links
                    shutil.copyfile(self.folder / file, staged / file)

    def _cells_of(self, number: int, columns: list[str] | None = None) -> pa.Table:
        return pq.read_table(self._path(number, "parquet"), columns=columns, use_threads=False)

    def _path(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06d}.{kind}"
