"""Files that are there as a whole or not at all, and stay: temp name, flush, rename, flush the folder.

Everything is written for the user alone: 0600, in folders of 0700.
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
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which then replaces a file. A reader sees the old or the new, never
    half; nothing changes when the block raises. `Refused` when the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with disk_space.named(path.parent):
            yield temporary
            flush(temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a small file; see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it, for the user alone; one that exists stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    return path


def flush(path: Path) -> tuple[int, str]:
    """Bring a file to the disk; its (size, SHA-256)."""
    with path.open("rb") as handle:
        os.fchmod(handle.fileno(), PRIVATE_FILE)
        os.fsync(handle.fileno())
    return path.stat().st_size, sha256(path)


def flush_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
