"""`Workspace`: list, publish, rename and delete records.

A record is written to a staging folder, flushed, renamed into place, and only then made visible by one
transaction that stores the size and SHA-256 of each file. Files that the index does not list are leftovers of
interrupted writes. Names given by users are labels in the index, never paths.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs

from suture.data.errors import NotFound, Refused
from suture.data.workspace import cleanup, deletion, disk_space, schema
from suture.data.workspace.durable import PRIVATE_FOLDER, flush, flush_folder, private_folder
from suture.data.workspace.record import (
    BUILT_IN,
    CHECKPOINT,
    KINDS,
    M,
    Record,
    RecordKind,
    check_name,
    name_taken,
    read_metadata,
)

FOLDERS = (*KINDS, "staging", "parts", "derived", "uploads", "logs")


class Workspace:
    """Everything that Suture stores, below one folder (default: `SUTURE_HOME`, else the user's data folder).

    owner  the owner of new records; shared records and those of this owner are visible. "" = shared
    tidy   whether to delete the leftovers of interrupted work when the workspace is opened
    """

    def __init__(self, home: Path | str | None = None, owner: str = "", *, tidy: bool = True) -> None:
        self.owner = owner
        default = os.environ.get("SUTURE_HOME") or platformdirs.user_data_dir("suture")
        self.home = Path(home or default).expanduser().resolve()
        try:
            self._open(tidy)
        except (OSError, sqlite3.OperationalError) as error:
            raise Refused(
                "workspace_unusable",
                f"{str(self.home)!r} cannot be used as the workspace: {error}. It must be a writable folder. "
                f"Choose another with --home or SUTURE_HOME.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise schema.damaged(self.home) from error

    def _open(self, tidy: bool) -> None:
        schema.prepare(self.home)
        if not disk_space.writable(self.home):
            return
        for folder in FOLDERS:
            private_folder(self.home / folder)
        with suppress(OSError):
            disk_space.create_reserved_space(self.home)
        if tidy:
            cleanup.sweep(self.home)

    def problem(self) -> str:
        """Why nothing can be stored now, as a message for the user; "" if it can."""
        return disk_space.problem(self.home)

    def require_space(self, size: float) -> None:
        """`Refused` unless `size` bytes, half as much again and a reserve fit on the disk."""
        disk_space.require(self.home, size)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; rolled back if the block raises. `Refused` if the disk is full."""
        with schema.transaction(self.home) as db:
            yield db

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, closed afterwards."""
        with schema.reading(self.home) as db:
            yield db

    def records(self, kind: RecordKind[M]) -> list[Record[M]]:
        """The visible records of one kind, oldest first. The owner's hide shared ones of the same name."""
        query = "SELECT * FROM records WHERE kind=? AND owner IN ('', ?) ORDER BY created"
        with self.read() as db:
            visible = [self.of_row(db, row) for row in db.execute(query, (kind, self.owner)).fetchall()]
        own = {r.name for r in visible if r.owner == self.owner}
        return [r for r in visible if r.owner == self.owner or r.name not in own]

    def record(self, kind: RecordKind[M], name: str) -> Record[M]:
        """The record of that name, preferring the owner's. `NotFound` lists the existing names."""
        query = "SELECT * FROM records WHERE kind=? AND name=? AND owner IN ('', ?) ORDER BY owner DESC"
        record = self._first(query, (kind, name, self.owner))
        if record is None:
            raise NotFound(kind, name, [r.name for r in self.records(kind)])
        return record

    def by_id(self, record_id: str) -> Record | None:
        """The record with this id, whatever its name is now; None if deleted or not visible."""
        query = "SELECT * FROM records WHERE id=? AND owner IN ('', ?)"
        return self._first(query, (record_id, self.owner))

    def has(self, kind: str, name: str) -> bool:
        """Whether a record of that name is visible."""
        query = "SELECT * FROM records WHERE kind=? AND name=? AND owner IN ('', ?)"
        return self._first(query, (kind, name, self.owner)) is not None

    def _first(self, query: str, values: tuple[str, ...]) -> Record | None:
        with self.read() as db:
            row = db.execute(query, values).fetchone()
            return None if row is None else self.of_row(db, row)

    def of_row(self, db: sqlite3.Connection, row: sqlite3.Row) -> Record:
        """A row of the index as a record."""
        files = db.execute("SELECT * FROM files WHERE record=?", (row["id"],)).fetchall()
        return Record(
            row["id"],
            RecordKind(row["kind"]),
            row["name"],
            row["created"],
            read_metadata(row["kind"], json.loads(row["meta"])),
            self.home / row["kind"] / row["id"],
            {f["name"]: (f["size"], f["sha256"]) for f in files},
            row["owner"],
        )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder for files to publish, deleted if they are not published. `Refused` if the disk is full."""
        self.require_space(0)
        with (
            disk_space.disk_errors_as_refused(self.home),
            cleanup.locked_folder(self.home / "staging") as folder,
        ):
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def publish(
        self, kind: RecordKind[M], name: str, staged: Path, meta: M, *, replaces: Record | None = None
    ) -> Record[M]:
        """Publish the files in `staged` atomically as the owner's record. `Refused` if the name is in use.

        replaces  a record that is deleted in the same transaction
        """
        check_name(name)
        owner = "" if kind == CHECKPOINT and name in BUILT_IN else self.owner
        if replaces is None:
            self.refuse_taken(kind, name)
        else:
            self._refuse_others(replaces)
        paths = sorted(path for path in staged.rglob("*") if path.is_file())
        files = {path.relative_to(staged).as_posix(): flush(path) for path in paths}
        for folder in {path.parent for path in paths} | {staged}:
            folder.chmod(PRIVATE_FOLDER)
            flush_folder(folder)
        record = uuid.uuid4().hex
        target = self.home / kind / record
        row = {"id": record, "kind": kind, "name": name, "created": time.time(), "owner": owner}
        staged.replace(target)
        try:
            flush_folder(target.parent)
            self._insert({**row, "meta": json.dumps(meta.to_json())}, files, replaces)
        except BaseException as error:
            if self.by_id(record) is None:  # else the commit succeeded before the error
                shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, sqlite3.IntegrityError):  # another process took the name meanwhile
                raise name_taken(kind, name) from error
            raise
        if replaces is not None:
            deletion.delete_files(self.home, replaces)
        return self.record(kind, name)

    def _insert(
        self, row: dict[str, Any], files: dict[str, tuple[int, str]], replaces: Record | None
    ) -> None:
        with self.transaction() as db:
            if replaces is not None:
                db.execute("DELETE FROM records WHERE id=?", (replaces.id,))
            db.execute(
                "INSERT INTO records VALUES (:id, :kind, :name, :created, :meta, :owner, :seal)",
                {**row, "seal": schema.seal(row, files)},
            )
            rows = [(row["id"], file, size, sha) for file, (size, sha) in files.items()]
            db.executemany("INSERT INTO files VALUES (?,?,?,?)", rows)

    def refuse_taken(self, kind: RecordKind[Any], name: str) -> None:
        """`Refused` if the owner already has a record of that name."""
        if self.has(kind, name) and self.record(kind, name).owner == self.owner:
            raise name_taken(kind, name)

    def _refuse_others(self, record: Record) -> None:
        if record.owner != self.owner:
            raise Refused(
                "not_yours",
                f"The {record.kind} {record.name!r} is shared by all users, so you cannot change or delete "
                f"it. Ask whoever runs Suture to do it in a shell.",
            )

    def rename(self, kind: RecordKind[Any], name: str, new: str) -> None:
        """Rename a record; references to it are by id and stay valid."""
        check_name(new)
        record = self.record(kind, name)
        self._refuse_others(record)
        self.refuse_taken(kind, new)
        with self.transaction() as db:
            row = db.execute("SELECT * FROM records WHERE id=?", (record.id,)).fetchone()
            seal = schema.seal({**row, "name": new}, record.files)
            db.execute("UPDATE records SET name=?, seal=? WHERE id=?", (new, seal, record.id))

    def remove(self, kind: RecordKind[Any], name: str) -> None:
        """Delete a record: first from the index, then its files and everything derived from it."""
        record = self.record(kind, name)
        self._refuse_others(record)
        deletion.delete(self.home, record)

    def parts(self, folder: Path, *records: Record) -> Path:
        """Create a folder for unfinished work on records; it is deleted when one of them is."""
        with self.transaction() as db:
            rows = [(folder.name, record.id, self.owner) for record in records]
            db.executemany("INSERT OR IGNORE INTO parts VALUES (?,?,?)", rows)
        return private_folder(folder)

    def others_parts(self) -> set[str]:
        """Names of the folders of unfinished work that only other owners have begun."""
        query = "SELECT folder FROM parts GROUP BY folder HAVING NOT SUM(owner IN ('', ?))"
        with self.read() as db:
            return {row["folder"] for row in db.execute(query, (self.owner,))}

    def derived(self, record: Record, file: str) -> Path:
        """The path of a result derived from a record."""
        return self.home / "derived" / record.id / file

    def verify(self, record: Record) -> list[str]:
        """Names of the record's files that differ from what was published."""
        return [name for name in record.files if record.damage(name)]
