"""Delete what interrupted work has left behind, if no running process can be using it.

A process that writes a record holds a lock on its folder from the first file to the commit; the lock ends
with the process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from suture.data.workspace import schema
from suture.data.workspace.durable import PRIVATE_FOLDER
from suture.data.workspace.record import KINDS

HOUR, WEEK, MONTH = 3600, 7 * 24 * 3600, 30 * 24 * 3600  # an interrupted run can be resumed for a week
INTERRUPTED_WRITES = "interrupted writes"


@dataclass(frozen=True)
class CleanupSummary:
    """What was deleted, or would be: bytes and number of items, by description."""

    size: Counter[str] = field(default_factory=Counter)
    number: Counter[str] = field(default_factory=Counter)


@contextmanager
def locked_folder(place: Path) -> Iterator[Path]:
    """A new folder below `place`, locked until the block or the process ends."""
    while True:
        folder = place / uuid.uuid4().hex
        folder.mkdir(mode=PRIVATE_FOLDER)
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        if folder.exists():  # else another process deleted it before it was locked
            break
        os.close(lock)
    try:
        yield folder
    finally:
        os.close(lock)


def sweep(home: Path, *, dry: bool = False) -> CleanupSummary:
    """Delete leftovers; with `dry` only report them."""
    summary = CleanupSummary()
    candidates = [(path, what) for pattern, what, test in RULES for path in home.glob(pattern) if test(path)]
    ids, job_args = _in_use(home)  # queried after listing, so that it includes what was committed meanwhile
    for path, what in candidates:
        if path.name in ids or path.name in job_args:
            continue
        size = _size(path)
        if dry or _delete_if_unlocked(path):
            summary.size[what] += size
            summary.number[what] += 1
    return summary


def _in_use(home: Path) -> tuple[set[str], str]:
    """(ids of all records, arguments of the active jobs as one string)."""
    with closing(schema.connect(home)) as db:
        ids = {row["id"] for row in db.execute("SELECT id FROM records")}
        jobs = db.execute("SELECT args FROM jobs WHERE state IN ('queued', 'running')")
        return ids, "".join(row["args"] for row in jobs)


def _is_unlocked(path: Path) -> bool:
    """Whether no running process holds its lock."""
    with _locked(path) as ours:
        return ours


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Try to lock a path; yields whether that succeeded."""
    lock = None
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or deleted meanwhile
        ours = False
    else:
        ours = True
    try:
        yield ours
    finally:
        if lock is not None:
            os.close(lock)


def _delete_if_unlocked(path: Path) -> bool:
    with _locked(path) as ours:
        if ours and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif ours:
            path.unlink(missing_ok=True)
        return ours


def _unchanged_for(seconds: float, path: Path) -> bool:
    """Whether nothing in it has changed for `seconds`."""
    return max((p.lstat().st_mtime for p in _within(path)), default=0.0) < time.time() - seconds


def _size(path: Path) -> int:
    return sum(p.lstat().st_size for p in _within(path) if not p.is_dir())


def _within(path: Path) -> list[Path]:
    """A path and everything below it that still exists."""
    return [p for p in (path, *path.rglob("*")) if os.path.lexists(p)]


def _abandoned(path: Path) -> bool:
    """Whether it is unfinished work, unchanged for a week. The lock file of a run stays with the run."""
    run = path.with_suffix("") if path.suffix == ".lock" else path
    return _unchanged_for(WEEK, path) and _is_unlocked(path) and (run is path or not run.exists())


RULES: tuple[tuple[str, str, Callable[[Path], bool]], ...] = (
    *((f"{kind}/*", INTERRUPTED_WRITES, _is_unlocked) for kind in KINDS),
    ("staging/*", INTERRUPTED_WRITES, _is_unlocked),
    ("derived/*", "results computed from deleted records", Path.is_dir),
    ("derived/*/.*", INTERRUPTED_WRITES, partial(_unchanged_for, HOUR)),
    ("parts/*", "unfinished runs that were not resumed", _abandoned),
    ("uploads/*", "uploads that were not imported", partial(_unchanged_for, WEEK)),
    ("logs/*", "old logs", partial(_unchanged_for, MONTH)),
    ("logs/tensorboard/*", "old logs", partial(_unchanged_for, MONTH)),
    (f"{schema.COPIES}/*", "copies of the index from before an update", partial(_unchanged_for, WEEK)),
)
