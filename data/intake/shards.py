"""An unfinished intake on disk, so that an interrupted one can resume and memory stays small.

Its folder has the images in one growing pack, the cells in one Parquet file per `SHARD_ROWS` rows of the
source, and `state.json`, which is written last: anything it does not count is ignored.
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
from suture.data.intake.progress import IntakeState
from suture.data.workspace import COLLECTION, Workspace, disk_space, write_atomically
from suture.data.workspace.durable import flush

SHARD_ROWS = 1024  # rows of the source in a shard
SHARDS_PER_ROW_GROUP = 8  # shards in one row group of the collection
STATE = "state.json"
TEMPORARY_ERRORS = (  # depend on the machine or the moment, so the intake can be resumed
    *("disk_full", "workspace_read_only", "source_missing"),
    *("parser_timeout", "parser_out_of_memory", "parser_died"),
)


@contextmanager
def open_shards(workspace: Workspace, name: str, key: str) -> Iterator[IntakeShards]:
    """The shards of an intake of the source `key` under this name, locked for this process.

    They stay if the intake is interrupted or fails with a temporary error, and are deleted when it finishes
    or its source is refused. Another intake under this name waits for the lock, then finds the name in use.
    """
    workspace.require_space(0)
    folder = _folder(workspace, name)
    lock = folder.with_suffix(".lock")
    with FileLock(lock):
        try:
            workspace.refuse_taken(COLLECTION, name)
            with disk_space.disk_errors_as_refused(workspace.home):
                yield IntakeShards(workspace.parts(folder), key)
        except UserError as error:
            if error.code not in TEMPORARY_ERRORS:
                _close_finished(workspace, name, lock)
            raise
        _close_finished(workspace, name, lock)


def _close_finished(workspace: Workspace, name: str, lock: Path) -> None:
    discard_unfinished(workspace, name)
    lock.unlink(missing_ok=True)  # a waiting process notices this and makes a new lock


def discard_unfinished(workspace: Workspace, name: str) -> None:
    """Delete the shards of an intake under this name that will not be resumed."""
    shutil.rmtree(_folder(workspace, name), ignore_errors=True)


def _folder(workspace: Workspace, name: str) -> Path:
    key = hashlib.sha256(f"{workspace.owner}\n{name}".encode()).hexdigest()[:24]
    return workspace.home / "parts" / f"import-{key}"


class IntakeShards:
    """Cells and images of the imported studies; `state` is the progress."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder = folder
        self.state = self._load_state(key)
        self.pack: PackWriter | None = None
        self._cells: list[dict[str, Any]] = []
        self._types: dict[str, str] = {}
        self._packed = 1  # number of offsets written to shards

    def _load_state(self, key: str) -> IntakeState:
        """The saved state of this source; shards of any other source are deleted."""
        path = self.folder / STATE
        if path.is_file() and (saved := IntakeState.from_json(path.read_bytes())).key == key:
            return saved
        shutil.rmtree(self.folder)
        self.folder.mkdir(mode=0o700)
        return IntakeState(key)

    def begin(self, columns: Sequence[str], images: Sequence[str]) -> None:
        """Set the columns of a study; those in `images` hold image numbers."""
        self._types = {c: "int64" if c in images else "str" for c in columns}
        if images:
            ends = [np.load(self._path(i, "npy"), allow_pickle=False) for i in range(self.state.parts)]
            self.pack = PackWriter(self.folder, np.concatenate([[0], *ends]).astype(np.int64).tolist())
            self._packed = len(self.pack.offsets)

    def ids(self) -> set[str]:
        """The ids of all imported studies."""
        parts = (self._cells_of(i, [STUDY_ID]) for i in range(self.state.parts))
        return {str(cell) for part in parts for cell in part[STUDY_ID].to_pylist()}

    def add(self, cells: dict[str, Any]) -> None:
        """Add one study, whose images are in the pack."""
        self._cells.append(cells)
        self.state.taken += 1

    def publish(self) -> None:
        """Write the studies added since the last call as a shard, then the state."""
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
        """All studies in order, `SHARDS_PER_ROW_GROUP` shards at a time."""
        for first in range(0, self.state.parts, SHARDS_PER_ROW_GROUP):
            numbers = range(first, min(first + SHARDS_PER_ROW_GROUP, self.state.parts))
            yield pa.concat_tables([self._cells_of(i) for i in numbers]).to_pandas()

    def hand_over(self, staged: Path) -> None:
        """Link the image pack into the staging folder; it stays here until the collection is published."""
        if self.pack:
            self.pack.close()
            for file in ("images.bin", "images.npy"):
                try:
                    os.link(self.folder / file, staged / file)
                except OSError:  # the file system has no hard links
                    shutil.copyfile(self.folder / file, staged / file)

    def _cells_of(self, number: int, columns: list[str] | None = None) -> pa.Table:
        return pq.read_table(self._path(number, "parquet"), columns=columns, use_threads=False)

    def _path(self, number: int, kind: str) -> Path:
        return self.folder / f"{number:06d}.{kind}"
