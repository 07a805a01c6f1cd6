"""Disk space: checked before long work, turned into `Refused` when it runs out, and a little held in reserve.

On a full disk, opening, reading and deleting still work; the reserved space is released for that.
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

RESERVE = 64 << 20  # bytes left free for other programs; 2 % of small disks
RESERVED_BYTES, RESERVED_SPACE_FILE = (
    256 << 10,
    "suture.sqlite-ballast",
)  # what SQLite needs to delete something


def reserve(home: Path) -> int:
    """Bytes of the disk that long work must leave free."""
    return min(RESERVE, max(2 * RESERVED_BYTES, shutil.disk_usage(home).total // 50))


def require(home: Path, size: float) -> None:
    """`Refused` unless 1.5 times `size` bytes and the reserve are free."""
    if not writable(home):
        raise not_writable(home)
    free, needed = shutil.disk_usage(home).free, int(1.5 * size) + reserve(home)
    if free < needed:
        raise Refused(
            "disk_full",
            f"The disk of the workspace is full: this needs {_megabytes(needed)} free, "
            f"{_megabytes(needed - free)} more than there is. Delete something in the Library, run "
            f"`suture gc`, or free space elsewhere on the disk. Stored data can still be read.",
        )


def problem(home: Path) -> str:
    """Why nothing can be stored at the moment; "" if it can."""
    try:
        require(home, 0)
    except Refused as error:
        return error.message
    return ""


def writable(home: Path) -> bool:
    """Whether the folder is writable."""
    return os.access(home, os.W_OK) and not os.statvfs(home).f_flag & os.ST_RDONLY


def not_writable(home: Path) -> Refused:
    """The error for a folder that is not writable."""
    return Refused(
        "workspace_read_only",
        f"The workspace {str(home)!r} is read-only: nothing can be stored in it. Get write permission, or "
        f"choose another folder with --home or SUTURE_HOME.",
    )


@contextmanager
def disk_errors_as_refused(folder: Path) -> Iterator[None]:
    """Turn errors of a full or read-only disk into `Refused`."""
    try:
        yield
    except Exception as error:
        if not _full(error):
            raise
        if not writable(folder):
            raise not_writable(folder) from error
        raise Refused(
            "disk_full",
            "The disk of the workspace is full, so this was not stored. Data stored before is unchanged. "
            "Delete something in the Library, run `suture gc`, or free space elsewhere on the disk.",
        ) from error


def _full(error: Exception) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY)
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return "No space left on device" in str(error)  # the message of libraries in other languages


def create_reserved_space(home: Path) -> None:
    """Create the file of reserved space, if there is enough free space."""
    path = home / RESERVED_SPACE_FILE
    if not path.exists() and shutil.disk_usage(home).free > reserve(home) + 2 * RESERVED_BYTES:
        path.write_bytes(bytes(RESERVED_BYTES))
        path.chmod(0o600)


def release_reserved_space(home: Path) -> None:
    """Delete the file of reserved space, if the disk is full."""
    if shutil.disk_usage(home).free < RESERVED_BYTES:
        (home / RESERVED_SPACE_FILE).unlink(missing_ok=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
