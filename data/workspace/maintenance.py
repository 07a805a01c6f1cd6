"""Looking after a workspace: what in it is damaged, and a copy of all of it.

Damage to what can be computed again is mended by throwing it away; of the rest it says what is lost.
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
from suture.data.workspace.cleanup import Swept, sweep
from suture.data.workspace.derived import kept
from suture.data.workspace.durable import flush, flush_folder, private_folder

VISITING = "visiting"  # studies that only visit lie in a workspace of their own inside
AGAIN = "can be rebuilt: embed the collection again"
REMEDY = {
    COLLECTION: "lost, unless you import it again or have a backup",
    CHECKPOINT: "lost, unless you add it again or have a backup",
    SET: "lost, unless you import the vectors again or have a backup",
}


@dataclass(frozen=True)
class Damage:
    """One thing that is not what was kept. what: missing, truncated, changed, unreadable; remedy in words."""

    kind: str
    name: str
    file: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Health:
    """What verifying found. files and size (bytes) were compared with what was kept."""

    records: int
    files: int
    size: int
    damaged: tuple[Damage, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is lost."""
        return not self.damaged


def verify(home: Path, *, deep: bool = False) -> Health:
    """Compare everything with what was kept; what is derived and damaged is deleted.

    deep  also search the index for inner contradictions, and open each record as pages do

    `Refused` if the index itself cannot be read.
    """
    workspaces = [Workspace(place, tidy=False) for place in _places(home)]
    records = [(w, r, sealed) for w in workspaces for r, sealed in _all(w, deep)]
    damaged = [found for w, r, sealed in records for found in _of_record(w, r, sealed, deep)]
    derived = [found for w in workspaces for found in _of_derived(w)]
    files = sum(len(r.files) for _, r, _ in records)
    return Health(len(records), files, sum(r.size for _, r, _ in records), (*damaged, *derived))


def collect(home: Path, *, dry: bool = False) -> Swept:
    """Delete what nobody alive needs, and empty the log of the index; with `dry` only say what it is."""
    found = Swept()
    for place in _places(home):
        swept = sweep(place, dry=dry)
        found.size.update(swept.size)
        found.number.update(swept.number)
        if not dry:
            deletion.empty_log(place)
    return found


def backup(home: Path, target: Path) -> int:
    """Copy the index and the files that it names to a new folder; returns bytes.

    `Refused` unless the folder is new or empty, and outside of the workspace.
    """
    target = target.expanduser().resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(
            "target_taken", f"A backup goes to a new or empty folder, and {str(target)!r} is neither."
        )
    if home in (target, *target.parents):
        raise Refused("target_inside", "A backup goes outside of the workspace. Choose another folder.")
    return sum(_copied(place, target / place.relative_to(home)) for place in _places(home))


def _copied(home: Path, target: Path) -> int:
    private_folder(target)
    schema.copy(home, target / schema.FILE)
    workspace, size = Workspace(target, tidy=False), 0
    for record, _ in _all(workspace, deep=False):
        for file in record.files:
            source = home / record.kind / record.id / file
            there = private_folder(record.folder / Path(file).parent) / Path(file).name
            if not source.is_file():
                continue  # damaged, or removed this moment: `verify` of the copy tells
            shutil.copyfile(source, there)
            size += flush(there)[0]
        if record.folder.is_dir():
            flush_folder(record.folder)
    return size


def _places(home: Path) -> list[Path]:
    inside = home / VISITING
    return [home, inside] if (inside / schema.FILE).is_file() else [home]


def _all(workspace: Workspace, deep: bool) -> list[tuple[Record, bool]]:
    """Everybody's records, and whether the index says of each what it said when it was kept."""
    with closing(schema.connect(workspace.home)) as db:
        if deep and db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise schema.damaged(workspace.home)
        rows = db.execute("SELECT * FROM records ORDER BY created").fetchall()
        try:
            found = [(workspace.of_row(db, row), row) for row in rows]
        except (ValueError, sqlite3.Error) as error:
            raise schema.damaged(workspace.home) from error
    return [(record, row["seal"] == schema.seal(row, record.files)) for record, row in found]


def _of_record(workspace: Workspace, record: Record, sealed: bool, deep: bool) -> Iterator[Damage]:
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
    """Read it through. ValueError, OSError or a `UserError` if it is not what its kind says."""
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
        return "can be rebuilt: remove it, and it is made again when it is used"
    if record.kind == SET:
        owned = Workspace(workspace.home, record.owner, tidy=False)
        collection = storage.origin(owned, record)
        if collection is not None and collection.intact and record.meta.checkpoint_id:
            return AGAIN
    return REMEDY.get(record.kind, "lost, unless you have a backup")


def _of_derived(workspace: Workspace) -> Iterator[Damage]:
    for path in sorted((workspace.home / "derived").glob("*/[!.]*")):
        if path.is_file() and kept(path) is None:
            remedy = "deleted; it is computed again when needed"
            yield Damage("derived", path.parent.name, path.name, "changed", remedy)
