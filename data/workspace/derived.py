"""What can be computed again: kept beside its own hash, thrown away when it is not what was written.

Not being able to keep it is no failure: it is computed once more next time.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from data.errors import Refused
from data.workspace import space
from data.workspace.durable import private_folder, write_atomically

DIGEST = 32  # bytes in front of the content


def keep(path: Path, content: bytes) -> None:
    """Write something derived, if there is room."""
    with suppress(Refused, PermissionError):
        space.require(path.parents[2], len(content))  # home / derived / record / file
        private_folder(path.parent)
        write_atomically(path, hashlib.sha256(content).digest() + content)


def kept(path: Path) -> bytes | None:
    """What was written; None if it never was, or is damaged: then it is gone."""
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(stored[DIGEST:]).digest() == stored[:DIGEST]:
        return stored[DIGEST:]
    with suppress(OSError):
        path.unlink(missing_ok=True)
    return None
