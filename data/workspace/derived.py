"""What can be computed again: kept beside its own hash, thrown away when it is not what was written.

Not being able to keep it is no failure: it is computed once more next time.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from suture.data.errors import Refused
from suture.data.workspace import disk_space
from suture.data.workspace.durable import private_folder, replacing

DIGEST = 32  # bytes in front of the content


def keep(path: Path, *parts: bytes | memoryview) -> None:
    """Write something derived, if there is room: its parts behind one another, which may be large."""
    with suppress(Refused, PermissionError):
        disk_space.require(
            path.parents[2], sum(len(part) for part in parts)
        )  # home / derived / record / file
        private_folder(path.parent)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.writelines((digest.digest(), *parts))


def kept(path: Path) -> bytes | None:
    """What was written; None if it never was, or is damaged: then it is gone."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    content = memoryview(stored)[DIGEST:]
    if hashlib.sha256(content).digest() == stored[:DIGEST]:
        return bytes(content)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return None
