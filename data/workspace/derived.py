"""Cached results that can be computed again: stored with a hash, and deleted if they are damaged.

Failing to store a result is not an error: it is computed again next time.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from suture.data.errors import Refused
from suture.data.workspace import disk_space
from suture.data.workspace.durable import atomic_replace, private_folder

DIGEST_BYTES = 32  # the hash, before the content


def write_derived(path: Path, *parts: bytes | memoryview) -> None:
    """Store a result, if there is disk space: its parts, which may be large, are concatenated."""
    with suppress(Refused, PermissionError):
        disk_space.require(
            path.parents[2], sum(len(part) for part in parts)
        )  # home / derived / record / file
        private_folder(path.parent)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        with atomic_replace(path) as temporary, temporary.open("wb") as file:
            file.writelines((digest.digest(), *parts))


def read_derived(path: Path) -> bytes | None:
    """The stored result; None if there is none, or if it was damaged, in which case it is deleted."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    content = memoryview(stored)[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() == stored[:DIGEST_BYTES]:
        return bytes(content)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return None
