"""Delete a record without traces: its row first, then its files, then everything derived from it.

Embedding sets made from a collection are records of their own, and are deleted separately.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.data.workspace import disk_space, schema
from suture.data.workspace.record import Record


def delete(home: Path, record: Record) -> None:
    """Delete a record and its traces from the workspace at `home`, even if the disk is full."""
    with schema.transaction(home) as db:
        parts = [row["folder"] for row in db.execute("SELECT folder FROM parts WHERE record=?", (record.id,))]
        db.execute("DELETE FROM records WHERE id=?", (record.id,))
        db.executemany("DELETE FROM parts WHERE folder=?", [(folder,) for folder in parts])
        ended = _ended_jobs(db, record)
        db.executemany("DELETE FROM jobs WHERE id=?", [(job,) for job in ended])
    delete_files(home, record)
    _delete_captions(home, record)
    for folder in parts:
        shutil.rmtree(home / "parts" / folder, ignore_errors=True)
    for job in ended:
        (home / "logs" / f"{job}.log").unlink(missing_ok=True)
    empty_log(home)
    with suppress(OSError):
        disk_space.create_reserved_space(home)


def delete_files(home: Path, record: Record) -> None:
    """Delete a record's files and the results derived from it."""
    for folder in (record.folder, home / "derived" / record.id):
        shutil.rmtree(folder, ignore_errors=True)


def _delete_captions(home: Path, record: Record) -> None:
    """Delete cached captions of a collection's embedding sets, which contain its texts."""
    with schema.reading(home) as db:
        sets = db.execute("SELECT id, meta FROM records WHERE kind='set'").fetchall()
    for row in sets:
        if json.loads(row["meta"]).get("collection_id") == record.id:
            for path in (home / "derived" / row["id"]).glob("captions-*"):
                path.unlink(missing_ok=True)


def empty_log(home: Path) -> None:
    """Empty SQLite's log, in which deleted rows could still be read. Deferred while a reader uses it."""
    with suppress(sqlite3.OperationalError, Refused), schema.reading(home) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _ended_jobs(db: sqlite3.Connection, record: Record) -> list[str]:
    """Ids of the finished jobs that name the record."""
    rows = db.execute(
        "SELECT id, args, message, result FROM jobs WHERE state NOT IN ('queued', 'running') "
        "AND owner IN ('', ?)",
        (record.owner,),
    )
    word = re.compile(rf"(?<!\w){re.escape(record.name)}(?!\w)")
    return [
        row["id"] for row in rows if word.search(row["message"]) or _names_any(row, {record.name, record.id})
    ]


def _names_any(row: sqlite3.Row, names: set[str]) -> bool:
    return any(
        leaf in names for column in ("args", "result") for leaf in _leaves(json.loads(row[column] or "0"))
    )


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        return [leaf for item in inside for leaf in _leaves(item)]
    return [value]
