"""The folder that keeps everything: files under generated ids, and one SQLite index of truth.

A record (collection, checkpoint, embedding set, selection) is written into a staging folder, flushed, renamed
into place, and only then made visible by one transaction that notes size and SHA-256 of each file.
What the index does not name is rubbish of an interrupted write and is swept at the next start.
Names given by people are labels in the index, never paths.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from data.errors import NotFound, Refused
from data.workspace.durable import flush, flush_folder, sha256

SCHEMA_VERSION = 1
STALE_SECONDS = 7 * 24 * 3600  # an interrupted run can be resumed for a week
BUILT_IN = ("demo-clip", "demo-aligned", "demo-start", "demo-untrained")  # checkpoints that come with Suture
COLLECTION, CHECKPOINT, SET, SELECTION = KINDS = "collection", "checkpoint", "set", "selection"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL,
  meta TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE IF NOT EXISTS files (
  record TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  name TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (record, name));
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
  progress REAL NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', pid INTEGER,
  pid_started REAL, created REAL NOT NULL, heartbeat REAL NOT NULL);
"""
_JOB_COLUMNS = (
    "owner TEXT NOT NULL DEFAULT ''",
    "attempts INTEGER NOT NULL DEFAULT 0",
    "started REAL",
    "result TEXT",
)


@dataclass(frozen=True)
class Record:
    """One published thing: where its files lie, what they hash to, and its description."""

    id: str
    kind: str
    name: str
    created: float
    meta: dict[str, Any]
    folder: Path
    files: dict[str, tuple[int, str]]

    def path(self, file: str) -> Path:
        """Where one of the record's files lies; KeyError if it has no such file."""
        if file not in self.files:
            raise KeyError(file)
        return self.folder / file

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for size, _ in self.files.values())

    @property
    def fingerprint(self) -> str:
        """One hash of the contents of all files: 16 hexadecimal digits."""
        digests = "".join(f"{name}:{sha}" for name, (_, sha) in sorted(self.files.items()))
        return hashlib.sha256(digests.encode()).hexdigest()[:16]


class Workspace:
    """Everything Suture keeps, below one folder (default: `SUTURE_HOME` or the user's data dir)."""

    def __init__(self, home: Path | str | None = None, owner: str = "") -> None:
        self.owner = owner
        default = os.environ.get("SUTURE_HOME") or platformdirs.user_data_dir("suture")
        self.home = Path(home or default).expanduser().resolve()
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise Refused(
                "workspace_unusable",
                f"{str(self.home)!r} cannot be used as the workspace: {error}. It must be a folder that can "
                f"be written; choose another with --home or SUTURE_HOME.",
            ) from error
        self._sweep()

    def _open(self) -> None:
        for folder in (*KINDS, "staging", "parts", "derived", "uploads", "logs"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        with self.transaction() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise Refused(
                    "workspace_newer",
                    f"{self.home} was written by a newer Suture (version {version}). Update Suture "
                    f"or choose another folder with --home.",
                )
            if version < SCHEMA_VERSION:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            known = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
            for column in _JOB_COLUMNS:
                if column.split()[0] not in known:
                    db.execute(f"ALTER TABLE jobs ADD COLUMN {column}")

    def connect(self) -> sqlite3.Connection:
        """A connection that survives power loss after each commit."""
        db = sqlite3.connect(self.home / "suture.sqlite", timeout=10, isolation_level=None)
        db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            db.execute(f"PRAGMA {pragma}")
        return db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; rolled back when the block raises."""
        db = self.connect()
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        finally:
            db.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, closed afterwards."""
        db = self.connect()
        try:
            yield db
        finally:
            db.close()

    def records(self, kind: str) -> list[Record]:
        """All records of one kind, oldest first."""
        with self.read() as db:
            rows = db.execute("SELECT * FROM records WHERE kind=? ORDER BY created", (kind,))
            return [self._record(db, row) for row in rows.fetchall()]

    def record(self, kind: str, name: str) -> Record:
        """The record of that name. `NotFound` lists what there is."""
        with self.read() as db:
            query = "SELECT * FROM records WHERE kind=? AND name=?"
            row = db.execute(query, (kind, name)).fetchone()
            if row is not None:
                return self._record(db, row)
        raise NotFound(kind, name, [r.name for r in self.records(kind)])

    def has(self, kind: str, name: str) -> bool:
        """Whether a record of that name exists."""
        with self.read() as db:
            query = "SELECT 1 FROM records WHERE kind=? AND name=?"
            return db.execute(query, (kind, name)).fetchone() is not None

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder for files to publish; it vanishes if they are not."""
        folder = self.home / "staging" / uuid.uuid4().hex
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(
        self, kind: str, name: str, staged: Path, meta: dict[str, Any], *, replaces: Record | None = None
    ) -> Record:
        """Make the files in `staged` a record. `Refused` if the name is taken; all or nothing.

        `replaces` goes in the same transaction in which the new record comes.
        """
        check_name(name)
        if replaces is None:
            self.refuse_taken(kind, name)
        paths = sorted(path for path in staged.rglob("*") if path.is_file())
        files = {path.relative_to(staged).as_posix(): flush(path) for path in paths}
        for folder in {path.parent for path in paths} | {staged}:
            flush_folder(folder)
        record_id = uuid.uuid4().hex
        target = self.home / kind / record_id
        staged.replace(target)
        flush_folder(target.parent)
        try:
            self._insert(record_id, kind, name, meta, files, replaces)
        except sqlite3.IntegrityError as error:  # another process took the name meanwhile
            shutil.rmtree(target, ignore_errors=True)
            raise _taken(kind, name) from error
        if replaces is not None:
            self._forget_files(replaces)
        return self.record(kind, name)

    def refuse_taken(self, kind: str, name: str) -> None:
        """`Refused` when there is already a record of that name."""
        if self.has(kind, name):
            raise _taken(kind, name)

    def rename(self, kind: str, name: str, new: str) -> None:
        """Give a record another label; everything that refers to it does so by id."""
        check_name(new)
        record = self.record(kind, name)
        self.refuse_taken(kind, new)
        with self.transaction() as db:
            db.execute("UPDATE records SET name=? WHERE id=?", (new, record.id))

    def remove(self, kind: str, name: str) -> None:
        """Delete a record: first from the index, then its files."""
        record = self.record(kind, name)
        with self.transaction() as db:
            db.execute("DELETE FROM records WHERE id=?", (record.id,))
        self._forget_files(record)

    def _forget_files(self, record: Record) -> None:
        shutil.rmtree(record.folder, ignore_errors=True)
        shutil.rmtree(self.home / "derived" / record.id, ignore_errors=True)

    def derived(self, record: Record, file: str) -> Path:
        """Where something that can be computed again from a record is kept."""
        folder = self.home / "derived" / record.id
        folder.mkdir(exist_ok=True)
        return folder / file

    def verify(self, record: Record) -> list[str]:
        """Names of the record's files whose bytes are not those that were published."""
        return [
            name
            for name, (_, sha) in record.files.items()
            if not (record.folder / name).is_file() or sha256(record.folder / name) != sha
        ]

    def _insert(
        self,
        record_id: str,
        kind: str,
        name: str,
        meta: dict[str, Any],
        files: dict[str, tuple[int, str]],
        replaces: Record | None,
    ) -> None:
        with self.transaction() as db:
            if replaces is not None:
                db.execute("DELETE FROM records WHERE id=?", (replaces.id,))
            db.execute(
                "INSERT INTO records VALUES (?,?,?,?,?)",
                (record_id, kind, name, time.time(), json.dumps(meta)),
            )
            rows = [(record_id, file, size, sha) for file, (size, sha) in files.items()]
            db.executemany("INSERT INTO files VALUES (?,?,?,?)", rows)

    def _record(self, db: sqlite3.Connection, row: sqlite3.Row) -> Record:
        files = db.execute("SELECT * FROM files WHERE record=?", (row["id"],)).fetchall()
        return Record(
            row["id"],
            row["kind"],
            row["name"],
            row["created"],
            json.loads(row["meta"]),
            self.home / row["kind"] / row["id"],
            {f["name"]: (f["size"], f["sha256"]) for f in files},
        )

    def _sweep(self) -> None:
        """Remove what the index does not name and no living write can still be using."""
        with self.read() as db:
            known = {row["id"] for row in db.execute("SELECT id FROM records")}
        for place in (*KINDS, "staging", "parts", "derived", "uploads"):
            for path in (self.home / place).iterdir():
                if path.name not in known and _stale(path):
                    shutil.rmtree(path, ignore_errors=True)


def _stale(folder: Path) -> bool:
    """Whether a folder has not been touched for long; false for files and for what vanishes meanwhile."""
    try:
        return folder.is_dir() and time.time() - folder.stat().st_mtime > STALE_SECONDS
    except FileNotFoundError:
        return False


def check_name(name: str) -> None:
    """`Refused` unless the label is 1 to 80 printable characters with no control or slash."""
    if not re.fullmatch(r"[^\W_][\w .()+@=-]{0,79}", name) or name != name.strip():
        raise Refused(
            "name_invalid",
            f"{name[:40]!r} cannot be a name. Use 1 to 80 letters, digits, spaces or . _ - ( ) + @ "
            f"=, beginning with a letter or digit.",
        )


def _taken(kind: str, name: str) -> Refused:
    return Refused(
        "name_taken",
        f"There is already a {kind} called {name!r}. Choose another name, or remove that one first.",
    )
