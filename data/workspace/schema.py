"""The SQLite index of the workspace: its tables, its version, and migrations from older versions.

Every commit survives a power loss, and deleted rows are overwritten with zeros.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.data.workspace import disk_space
from suture.data.workspace.durable import PRIVATE_FILE, PRIVATE_FOLDER, flush, flush_folder, private_folder

VERSION = 2
FILE, COPIES = "suture.sqlite", "copies"

_JOBS = {
    "id": "TEXT PRIMARY KEY",
    "kind": "TEXT NOT NULL",
    "args": "TEXT NOT NULL",
    "state": "TEXT NOT NULL",
    "progress": "REAL NOT NULL DEFAULT 0",
    "message": "TEXT NOT NULL DEFAULT ''",
    "pid": "INTEGER",
    "pid_started": "REAL",
    "created": "REAL NOT NULL",
    "heartbeat": "REAL NOT NULL",
    "owner": "TEXT NOT NULL DEFAULT ''",
    "attempts": "INTEGER NOT NULL DEFAULT 0",
    "started": "REAL",
    "result": "TEXT",
}
_RECORDS = """CREATE TABLE {name} (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL, meta TEXT NOT NULL,
  owner TEXT NOT NULL DEFAULT '', seal TEXT NOT NULL, UNIQUE (owner, kind, name))"""
_FILES = """CREATE TABLE files (
  record TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  name TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (record, name))"""
# Unfinished work in `parts`, and the records that it uses, which may be in another workspace.
_PARTS = """CREATE TABLE parts (
  folder TEXT NOT NULL, record TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (folder, record, owner))"""


def connect(home: Path) -> sqlite3.Connection:
    """A connection for reading and writing, or only for reading if the folder is not writable."""
    if not disk_space.writable(home):
        return _connect_read_only(home)
    disk_space.release_reserved_space(home)
    db = sqlite3.connect(home / FILE, timeout=10, isolation_level=None)
    db.row_factory = sqlite3.Row
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _connect_read_only(home: Path) -> sqlite3.Connection:
    log = home / f"{FILE}-wal"
    unchanged = not log.exists() or not log.stat().st_size  # else the last commits are only in the log
    address = f"{(home / FILE).as_uri()}?mode=ro{'&immutable=1' if unchanged else ''}"
    db = sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


@contextmanager
def transaction(home: Path) -> Iterator[sqlite3.Connection]:
    """One writer at a time; rolled back when the block raises. `Refused` when the disk is full."""
    with disk_space.disk_errors_as_refused(home):
        db = connect(home)
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
def reading(home: Path) -> Iterator[sqlite3.Connection]:
    """A connection for reading, closed afterwards."""
    db = connect(home)
    try:
        yield db
    finally:
        db.close()


def prepare(home: Path) -> None:
    """Create or migrate the index. `Refused` if it is newer or damaged; it is then left untouched."""
    _refuse_newer(home, _file_version(home / FILE))
    if home.is_dir() and not disk_space.writable(home):
        _refuse_older(home)
    else:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_private(home)
        with closing(connect(home)) as db:
            _migrate(home, db)
    _check_integrity(home)


def _make_private(home: Path) -> None:
    with suppress(PermissionError):  # a writable folder that another user owns
        home.chmod(PRIVATE_FOLDER)
        (home / FILE).touch()
        (home / FILE).chmod(PRIVATE_FILE)  # SQLite's other files get the same mode


def _file_version(path: Path) -> int:
    """The version in a database's header, without opening it; 0 if there is none."""
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        header = stream.read(64)
    return struct.unpack(">I", header[60:64])[0] if header.startswith(b"SQLite format 3") else 0


def _refuse_newer(home: Path, version: int) -> None:
    if version > VERSION:
        raise Refused(
            "workspace_newer",
            f"{home} was written by a newer Suture (format {version}; this one supports {VERSION}). Update "
            f"Suture, or choose another folder with --home.",
        )


def _refuse_older(home: Path) -> None:
    if not (home / FILE).is_file() or _file_version(home / FILE) < VERSION:
        raise disk_space.not_writable(home)


@functools.cache
def _check_integrity(home: Path) -> None:
    """Check the consistency of the index, once per process."""
    with closing(connect(home)) as db:
        result = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise damaged(home)


def damaged(home: Path) -> Refused:
    """The error for an index that SQLite cannot read."""
    return Refused(
        "workspace_damaged",
        f"The index {str(home / FILE)!r} is damaged. Nothing was changed. Replace it with a copy made with "
        f"`suture backup`; the files of the records are still beside it.",
    )


def _migrate(home: Path, db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    db.execute("PRAGMA foreign_keys=OFF")  # while a table is replaced; ends with the connection
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[
            0
        ]  # another process may have migrated it meanwhile
        _refuse_newer(home, version)
        if 0 < version < VERSION:
            copy(home, private_folder(home / COPIES) / f"version-{version}.sqlite")
            shutil.rmtree(
                home / "derived", ignore_errors=True
            )  # computed again in the format of this version
        for step in (
            [_MIGRATIONS[number] for number in range(version, VERSION)] if version else [_create_tables]
        ):
            step(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def copy(home: Path, target: Path) -> None:
    """Copy the current index, even while other processes write to it."""
    with closing(connect(home)) as db, closing(sqlite3.connect(target)) as there:
        db.backup(there)
    flush(target)
    flush_folder(target.parent)


def seal(row: Mapping[str, Any], files: Mapping[str, tuple[int, str]]) -> str:
    """A hash of a record's entry in the index, which reveals flipped bits in it."""
    values = [row[column] for column in ("id", "kind", "name", "created", "meta", "owner")]
    return hashlib.sha256(json.dumps([values, sorted(files.items())]).encode()).hexdigest()


def _create_tables(db: sqlite3.Connection) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in _JOBS.items())
    for statement in (_RECORDS.format(name="records"), _FILES, _PARTS, f"CREATE TABLE jobs ({columns})"):
        db.execute(statement)


def _add_owners_and_seals(db: sqlite3.Connection) -> None:
    """Version 1 -> 2: owners, seals, unfinished work by record, more columns of jobs."""
    db.execute(_RECORDS.format(name="records_2"))
    for row in db.execute("SELECT *, '' AS owner FROM records ORDER BY created").fetchall():
        listed = db.execute("SELECT name, size, sha256 FROM files WHERE record=?", (row["id"],))
        files = {name: (size, sha) for name, size, sha in listed}
        db.execute("INSERT INTO records_2 VALUES (?,?,?,?,?,?,?)", (*row, seal(row, files)))
    db.execute("DROP TABLE records")
    db.execute("ALTER TABLE records_2 RENAME TO records")
    db.execute(_PARTS)
    existing = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
    for name in _JOBS.keys() - existing:
        db.execute(f"ALTER TABLE jobs ADD COLUMN {name} {_JOBS[name]}")


_MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _add_owners_and_seals}
