"""What interrupted work has left behind: found, and cleared away if nobody alive can be using it.

Who writes a record holds a lock on its folder, from the first file to the commit, and loses it when it dies.
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
CUT_OFF = "writes that were cut off"


@dataclass(frozen=True)
class Swept:
    """What was cleared away, or would be: bytes and number by what it was."""

    size: Counter[str] = field(default_factory=Counter)
    number: Counter[str] = field(default_factory=Counter)


@contextmanager
def held(place: Path) -> Iterator[Path]:
    """A new folder below `place` that is ours as long as this lasts and we live."""
    while True:
        folder = place / uuid.uuid4().hex
        folder.mkdir(mode=PRIVATE_FOLDER)
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        if folder.exists():  # else somebody swept it before we held it
            break
        os.close(lock)
    try:
        yield folder
    finally:
        os.close(lock)


def sweep(home: Path, *, dry: bool = False) -> Swept:
    """Clear away what nobody needs; with `dry` only say what that is."""
    found = Swept()
    left = [(path, what) for pattern, what, test in RULES for path in home.glob(pattern) if test(path)]
    ids, asked = _needed(home)  # asked after looking: what is committed meanwhile is in it
    for path, what in left:
        if path.name in ids or path.name in asked:
            continue
        size = _size(path)
        if dry or _clear(path):
            found.size[what] += size
            found.number[what] += 1
    return found


def _needed(home: Path) -> tuple[set[str], str]:
    """(ids of all records, what the active jobs were asked to do)."""
    with closing(schema.connect(home)) as db:
        ids = {row["id"] for row in db.execute("SELECT id FROM records")}
        asked = db.execute("SELECT args FROM jobs WHERE state IN ('queued', 'running')")
        return ids, "".join(row["args"] for row in asked)


def _free(path: Path) -> bool:
    """Whether nobody alive holds it."""
    with _locked(path) as ours:
        return ours


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold it, if nobody else does."""
    lock = None
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or gone meanwhile
        ours = False
    else:
        ours = True
    try:
        yield ours
    finally:
        if lock is not None:
            os.close(lock)


def _clear(path: Path) -> bool:
    with _locked(path) as ours:
        if ours and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif ours:
            path.unlink(missing_ok=True)
        return ours


def _untouched(seconds: float, path: Path) -> bool:
    """Whether nothing in it has changed for so long."""
    return max((p.lstat().st_mtime for p in _within(path)), default=0.0) < time.time() - seconds


def _size(path: Path) -> int:
    return sum(p.lstat().st_size for p in _within(path) if not p.is_dir())


def _within(path: Path) -> list[Path]:
    """A path and all below it that is still there."""
    return [p for p in (path, *path.rglob("*")) if os.path.lexists(p)]


def _abandoned(path: Path) -> bool:
    """Unfinished work that nobody has touched for a week; the lock of a run stays as long as the run."""
    run = path.with_suffix("") if path.suffix == ".lock" else path
    return _untouched(WEEK, path) and _free(path) and (run is path or not run.exists())


RULES: tuple[tuple[str, str, Callable[[Path], bool]], ...] = (
    *((f"{kind}/*", CUT_OFF, _free) for kind in KINDS),
    ("staging/*", CUT_OFF, _free),
    ("derived/*", "what was computed from records that are gone", Path.is_dir),
    ("derived/*/.*", CUT_OFF, partial(_untouched, HOUR)),
    ("parts/*", "unfinished runs that nobody took up again", _abandoned),
    ("uploads/*", "uploads that nobody took in", partial(_untouched, WEEK)),
    ("logs/*", "old logs", partial(_untouched, MONTH)),
    ("logs/tensorboard/*", "old logs", partial(_untouched, MONTH)),
    (f"{schema.COPIES}/*", "the index as it was before an update", partial(_untouched, WEEK)),
)
