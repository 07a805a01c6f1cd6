"""Atomic, durable file writes: temporary name, flush, rename, flush the folder.

Everything is private to the user: files have mode 0600, folders 0700.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suture.data.workspace import disk_space

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


@contextmanager
def atomic_replace(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which replaces `path` when the block ends.

    A reader sees the old or the new file, never a part; nothing changes if the block raises. `Refused` if the
    disk is full.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with disk_space.disk_errors_as_refused(path.parent):
            yield temporary
            flush(temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a small file; see `atomic_replace`."""
    with atomic_replace(path) as temporary:
        temporary.write_bytes(content)


def private_folder(path: Path) -> Path:
    """Create a folder with mode 0700, and its parents; an existing one is left unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return path


def flush(path: Path) -> tuple[int, str]:
    """Flush a file to disk; returns its (size, SHA-256)."""
    with path.open("rb") as handle:
        os.fchmod(handle.fileno(), PRIVATE_FILE)
        os.fsync(handle.fileno())
    return path.stat().st_size, sha256(path)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
