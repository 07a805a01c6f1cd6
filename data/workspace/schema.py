"""The index of truth: its tables, its version, and how an older one becomes this one.

Each connection survives power loss after each commit, and overwrites with zeros what it deletes.
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
# Unfinished work in `parts`, and the records it is made from, which may lie in another workspace.
_PARTS = """CREATE TABLE parts (
  folder TEXT NOT NULL, record TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (folder, record, owner))"""


def connect(home: Path) -> sqlite3.Connection:
    """A connection for reading and writing; for reading alone where the folder cannot be written to."""
    if not disk_space.writable(home):
        return _looking(home)
    disk_space.give_ballast(home)
    db = sqlite3.connect(home / FILE, timeout=10, isolation_level=None)
    db.row_factory = sqlite3.Row
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _looking(home: Path) -> sqlite3.Connection:
    log = home / f"{FILE}-wal"
    still = not log.exists() or not log.stat().st_size  # else the last commits stand in the log alone
    address = f"{(home / FILE).as_uri()}?mode=ro{'&immutable=1' if still else ''}"
    db = sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


@contextmanager
def transaction(home: Path) -> Iterator[sqlite3.Connection]:
    """One writer at a time; rolled back when the block raises. `Refused` when the disk is full."""
    with disk_space.named(home):
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
    """Make or update the index. `Refused` for one that is newer or damaged: that stays untouched."""
    _refuse_newer(home, _written(home / FILE))
    if home.is_dir() and not disk_space.writable(home):
        _refuse_older(home)
    else:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keep_private(home)
        with closing(connect(home)) as db:
            _update(home, db)
    _checked(home)


def _keep_private(home: Path) -> None:
    with suppress(PermissionError):  # a folder of somebody else's that we may write to
        home.chmod(PRIVATE_FOLDER)
        (home / FILE).touch()
        (home / FILE).chmod(PRIVATE_FILE)  # the files that SQLite puts beside it follow


def _written(path: Path) -> int:
    """The version that stands in a database's header, without opening it; 0 for none."""
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        header = stream.read(64)
    return struct.unpack(">I", header[60:64])[0] if header.startswith(b"SQLite format 3") else 0


def _refuse_newer(home: Path, version: int) -> None:
    if version > VERSION:
        raise Refused(
            "workspace_newer",
            f"{home} was written by a newer Suture (version {version}, this one knows {VERSION}). Update "
            f"Suture or choose another folder with --home.",
        )


def _refuse_older(home: Path) -> None:
    if not (home / FILE).is_file() or _written(home / FILE) < VERSION:
        raise disk_space.unwritable(home)


@functools.cache
def _checked(home: Path) -> None:
    """Once in a process: whether the index hangs together."""
    with closing(connect(home)) as db:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(home)


def damaged(home: Path) -> Refused:
    """What is said of an index that SQLite cannot make sense of."""
    return Refused(
        "workspace_damaged",
        f"The index {str(home / FILE)!r} is damaged. Nothing was changed. Put a copy made with `suture "
        f"backup` in its place; the files of the records lie beside it as they were.",
    )


def _update(home: Path, db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    db.execute("PRAGMA foreign_keys=OFF")  # while a table is replaced; ends with the connection
    db.execute("BEGIN IMMEDIATE")
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]  # another process may have been quicker
        _refuse_newer(home, version)
        if 0 < version < VERSION:
            copy(home, private_folder(home / COPIES) / f"version-{version}.sqlite")
            shutil.rmtree(home / "derived", ignore_errors=True)  # computed again, as this version keeps it
        for step in [_STEPS[number] for number in range(version, VERSION)] if version else [_new]:
            step(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def copy(home: Path, target: Path) -> None:
    """A copy of the index as it stands, also while others write."""
    with closing(connect(home)) as db, closing(sqlite3.connect(target)) as there:
        db.backup(there)
    flush(target)
    flush_folder(target.parent)


def seal(row: Mapping[str, Any], files: Mapping[str, tuple[int, str]]) -> str:
    """A hash of all that the index says of a record, to find a bit that flipped in it."""
    said = [row[column] for column in ("id", "kind", "name", "created", "meta", "owner")]
    return hashlib.sha256(json.dumps([said, sorted(files.items())]).encode()).hexdigest()


def _new(db: sqlite3.Connection) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in _JOBS.items())
    for statement in (_RECORDS.format(name="records"), _FILES, _PARTS, f"CREATE TABLE jobs ({columns})"):
        db.execute(statement)


def _owners(db: sqlite3.Connection) -> None:
    """1 -> 2: owners, seals, unfinished work by record, what jobs had to tell."""
    db.execute(_RECORDS.format(name="records_2"))
    for row in db.execute("SELECT *, '' AS owner FROM records ORDER BY created").fetchall():
        found = db.execute("SELECT name, size, sha256 FROM files WHERE record=?", (row["id"],))
        files = {name: (size, sha) for name, size, sha in found}
        db.execute("INSERT INTO records_2 VALUES (?,?,?,?,?,?,?)", (*row, seal(row, files)))
    db.execute("DROP TABLE records")
    db.execute("ALTER TABLE records_2 RENAME TO records")
    db.execute(_PARTS)
    known = {row["name"] for row in db.execute("PRAGMA table_info(jobs)")}
    for name in _JOBS.keys() - known:
        db.execute(f"ALTER TABLE jobs ADD COLUMN {name} {_JOBS[name]}")


_STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _owners}
