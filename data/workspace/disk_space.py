"""Room on the disk: asked for before long work, named when it ends, and a little kept back.

When the disk is full, opening, reading and deleting go on; the ballast is given up for that.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suture.data.errors import Refused

RESERVE = 64 << 20  # bytes left free for others, on small disks 2 %
BALLAST, BALLAST_FILE = 256 << 10, "suture.sqlite-ballast"  # what SQLite needs to delete something


def reserve(home: Path) -> int:
    """Bytes that no long work may use."""
    return min(RESERVE, max(2 * BALLAST, shutil.disk_usage(home).total // 50))


def require(home: Path, size: float) -> None:
    """`Refused` unless there is room for `size` bytes, half as much again, and the reserve."""
    if not writable(home):
        raise unwritable(home)
    free, needed = shutil.disk_usage(home).free, int(1.5 * size) + reserve(home)
    if free < needed:
        raise Refused(
            "disk_full",
            f"The disk of the workspace is full: this needs {_megabytes(needed)} free and "
            f"{_megabytes(needed - free)} are missing. Delete something in the Library, run `suture gc`, or "
            f"make room elsewhere on the disk. What is kept can be read as before.",
        )


def problem(home: Path) -> str:
    """Why nothing new can be kept at this moment; "" if it can."""
    try:
        require(home, 0)
    except Refused as error:
        return error.message
    return ""


def writable(home: Path) -> bool:
    """Whether the folder can be written to at all."""
    return os.access(home, os.W_OK) and not os.statvfs(home).f_flag & os.ST_RDONLY


def unwritable(home: Path) -> Refused:
    """What is said when it cannot."""
    return Refused(
        "workspace_read_only",
        f"The workspace {str(home)!r} cannot be written to, so it can only be looked at. Give yourself the "
        f"right to write there, or choose another with --home or SUTURE_HOME.",
    )


@contextmanager
def named(folder: Path) -> Iterator[None]:
    """A full disk or one that cannot be written, whoever met it, becomes `Refused`."""
    try:
        yield
    except Exception as error:
        if not _full(error):
            raise
        if not writable(folder):
            raise unwritable(folder) from error
        raise Refused(
            "disk_full",
            "The disk of the workspace is full, so this was not kept. What was kept before is as it was. "
            "Delete something in the Library, run `suture gc`, or make room elsewhere on the disk.",
        ) from error


def _full(error: Exception) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return "No space left on device" in str(error)  # what libraries in other languages say


def lay_ballast(home: Path) -> None:
    """Keep a little back, where there is plenty."""
    path = home / BALLAST_FILE
    if not path.exists() and shutil.disk_usage(home).free > reserve(home) + 2 * BALLAST:
        path.write_bytes(bytes(BALLAST))
        path.chmod(0o600)


def give_ballast(home: Path) -> None:
    """Let go of it where there is nothing else."""
    if shutil.disk_usage(home).free < BALLAST:
        (home / BALLAST_FILE).unlink(missing_ok=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
