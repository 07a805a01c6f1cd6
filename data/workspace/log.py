"""The log: one JSON object a line in `logs/app.log` of the workspace, read by its owner only.

It says when who did what to which record, and how it ended. Values must look like ids, codes or counts:
what could be somebody's words is written as "?", so that no caller can leak a report by mistake.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import platformdirs

FILE = "app.log"
LARGE = 10 * 1024**2  # bytes after which a new file begins; one old one is kept
PLAIN = re.compile(r"[\w.:<>/-]{0,80}", re.ASCII)


def write(home: Path | str, facts: Mapping[str, object]) -> None:
    """Add a line; "" is the default workspace. What cannot be written is not a reason to stop."""
    line = {"time": round(time.time(), 3), **{key: _plain(value) for key, value in facts.items()}}
    with suppress(OSError):
        folder = Path(home or platformdirs.user_data_dir("suture")).expanduser() / "logs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / FILE
        if path.exists() and path.stat().st_size > LARGE:
            path.replace(folder / f"{FILE}.1")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _plain(value: object) -> object:
    """Numbers, and texts without spaces; lists and tables of them."""
    if isinstance(value, Mapping):
        return {str(_plain(str(key))): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and PLAIN.fullmatch(value) else "?"
