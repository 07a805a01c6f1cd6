"""Maintenance of a workspace: verify its files, clean it up, and back it up.

Damaged results that can be computed again are deleted; for other damage, the report says what is lost.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import UnidentifiedImageError

from suture.data.collections import storage
from suture.data.errors import Refused, UserError
from suture.data.workspace import (
    BUILT_IN,
    CHECKPOINT,
    COLLECTION,
    KINDS,
    SET,
    Record,
    Workspace,
    deletion,
    embedding_sets,
    schema,
)
from suture.data.workspace.cleanup import CleanupSummary, sweep
from suture.data.workspace.derived import read_derived
from suture.data.workspace.durable import flush, flush_folder, private_folder

VISITING = "visiting"  # query studies are in a workspace of their own in this subfolder
REBUILD_SET = "can be rebuilt: embed the collection again"
REMEDY = {
    COLLECTION: "lost, unless you import it again or have a backup",
    CHECKPOINT: "lost, unless you add it again or have a backup",
    SET: "lost, unless you import the vectors again or have a backup",
}


@dataclass(frozen=True)
class Damage:
    """One damaged file or record.

    what    missing, truncated, changed, or unreadable
    remedy  what can be done, as a phrase for people
    """

    kind: str
    name: str
    file: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Health:
    """The result of `verify`: the number of records and files, their bytes, and what is damaged."""

    records: int
    files: int
    size: int
    damaged: tuple[Damage, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged


def verify(home: Path, *, deep: bool = False) -> Health:
    """Compare every file with its size and hash in the index; damaged derived results are deleted.

    deep  also check the consistency of the index, and open each record as pages do

    `Refused` if the index itself cannot be read.
    """
    workspaces = [Workspace(place, tidy=False) for place in _workspace_folders(home)]
    records = [(w, r, sealed) for w in workspaces for r, sealed in _all_records(w, deep)]
    damaged = [damage for w, r, sealed in records for damage in _record_damage(w, r, sealed, deep)]
    derived = [damage for w in workspaces for damage in _derived_damage(w)]
    files = sum(len(r.files) for _, r, _ in records)
    return Health(len(records), files, sum(r.size for _, r, _ in records), (*damaged, *derived))


def clean_up(home: Path, *, dry: bool = False) -> CleanupSummary:
    """Delete leftovers of interrupted work, and empty the index log; with `dry` only report them."""
    total = CleanupSummary()
    for place in _workspace_folders(home):
        summary = sweep(place, dry=dry)
        total.size.update(summary.size)
        total.number.update(summary.number)
        if not dry:
            deletion.empty_log(place)
    return total


def backup(home: Path, target: Path) -> int:
    """Copy the index and the files that it lists to a new folder; returns the number of bytes.

    `Refused` unless the folder is new or empty, and outside of the workspace.
    """
    target = target.expanduser().resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(
            "target_taken",
            f"A backup needs a new or empty folder, and {str(target)!r} is neither.",
        )
    if home in (target, *target.parents):
        raise Refused("target_inside", "A backup cannot be inside the workspace. Choose another folder.")
    return sum(_copy_workspace(place, target / place.relative_to(home)) for place in _workspace_folders(home))


def _copy_workspace(home: Path, target: Path) -> int:
    private_folder(target)
    schema.copy(home, target / schema.FILE)
    workspace, size = Workspace(target, tidy=False), 0
    for record, _ in _all_records(workspace, deep=False):
        for file in record.files:
            source = home / record.kind / record.id / file
            copied = private_folder(record.folder / Path(file).parent) / Path(file).name
            if not source.is_file():
                continue  # damaged, or just deleted; `verify` of the copy reports it
            shutil.copyfile(source, copied)
            size += flush(copied)[0]
        if record.folder.is_dir():
            flush_folder(record.folder)
    return size


def _workspace_folders(home: Path) -> list[Path]:
    inside = home / VISITING
    return [home, inside] if (inside / schema.FILE).is_file() else [home]


def _all_records(workspace: Workspace, deep: bool) -> list[tuple[Record, bool]]:
    """The records of all owners, and whether the index entry of each matches its seal."""
    with closing(schema.connect(workspace.home)) as db:
        if deep and db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise schema.damaged(workspace.home)
        rows = db.execute("SELECT * FROM records ORDER BY created").fetchall()
        try:
            records = [(workspace.of_row(db, row), row) for row in rows]
        except (ValueError, sqlite3.Error) as error:
            raise schema.damaged(workspace.home) from error
    return [(record, row["seal"] == schema.seal(row, record.files)) for record, row in records]


def _record_damage(workspace: Workspace, record: Record, sealed: bool, deep: bool) -> Iterator[Damage]:
    remedy = _remedy(workspace, record)
    if not sealed or record.kind not in KINDS:
        yield Damage(record.kind, record.name, "", "changed in the index", remedy)
        return
    wrong = [(file, what) for file in record.files if (what := record.damage(file))]
    for file, what in wrong:
        yield Damage(record.kind, record.name, file, what, remedy)
    if deep and not wrong:
        try:
            _open(Workspace(workspace.home, record.owner, tidy=False), record)
        except (UserError, ValueError, OSError, UnidentifiedImageError):
            yield Damage(record.kind, record.name, "", "unreadable", remedy)


def _open(workspace: Workspace, record: Record) -> None:
    """Read the whole record. ValueError, OSError or a `UserError` if its content is invalid."""
    if record.kind == COLLECTION:
        storage.load(workspace, record.name)
        pack = storage.image_pack(workspace, record.name)
        for number in range(len(pack) if pack else 0):
            assert pack is not None
            pack.decode(number).load()
    if record.kind == SET:
        for matrix in embedding_sets.load(workspace, record.name).vectors.values():
            if not all(np.isfinite(part).all() for part in np.array_split(matrix, 1 + len(matrix) // 65_536)):
                raise ValueError("not finite")


def _remedy(workspace: Workspace, record: Record) -> str:
    if record.kind == CHECKPOINT and record.name in BUILT_IN:
        return "can be rebuilt: delete it, and it is created again when used"
    if record.kind == SET:
        owned = Workspace(workspace.home, record.owner, tidy=False)
        collection = storage.source_collection(owned, record)
        if collection is not None and collection.intact and record.meta.checkpoint_id:
            return REBUILD_SET
    return REMEDY.get(record.kind, "lost, unless you have a backup")


def _derived_damage(workspace: Workspace) -> Iterator[Damage]:
    for path in sorted((workspace.home / "derived").glob("*/[!.]*")):
        if path.is_file() and read_derived(path) is None:
            remedy = "deleted; computed again when needed"
            yield Damage("derived", path.parent.name, path.name, "changed", remedy)
