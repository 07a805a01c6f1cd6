"""The log: one JSON object per line in `logs/app.log` of the workspace, readable by its owner only.

It records who did what to which record, when, and with what outcome. Only ids, codes and numbers are written;
any other text becomes "?", so that no caller can leak a report by mistake.
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
MAX_BYTES = 10 * 1024**2  # size at which a new file is started; one old file is kept
PLAIN = re.compile(r"[\w.:<>/-]{0,80}", re.ASCII)


def write(home: Path | str, facts: Mapping[str, object]) -> None:
    """Append a line; "" is the default workspace. Failing to write is not an error."""
    line = {"time": round(time.time(), 3), **{key: _safe_value(value) for key, value in facts.items()}}
    with suppress(OSError):
        folder = Path(home or platformdirs.user_data_dir("suture")).expanduser() / "logs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / FILE
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.replace(folder / f"{FILE}.1")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _safe_value(value: object) -> object:
    """The value if it is a number or a text without spaces, or a list or mapping of those; else "?"."""
    if isinstance(value, Mapping):
        return {str(_safe_value(str(key))): _safe_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe_value(item) for item in value]
    if isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and PLAIN.fullmatch(value) else "?"
