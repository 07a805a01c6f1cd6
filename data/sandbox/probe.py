"""For the tests: tries what the child must not be able to do, and answers with the outcome."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np


def probe(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Perform the action `request["what"]`; the answer says whether the system refused it."""
    what = request["what"]
    if what in FATAL_ACTIONS:
        FATAL_ACTIONS[what](request)
    elif what == "echo":
        send(
            {"text": request["text"]}, [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 4), bool)]
        )
        print("a library prints this")
    elif what == "threads":
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: send({"i": i}, [np.full(50_000, i, np.int32)]), range(200)))
    elif what == "pause":  # ticks or answers, with `seconds` between them
        for kind in request["kinds"]:
            time.sleep(request["seconds"])
            send({"kind": kind})
    elif what == "environment":
        send({what: sorted(os.environ)})
    else:
        send({what: _refused(ATTEMPTS[what], request)})


def _refused(attempt: Callable[[dict[str, Any]], object], request: dict[str, Any]) -> str:
    try:
        attempt(request)
    except OSError as error:
        return type(error).__name__
    return "done"


ATTEMPTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "network": lambda request: socket.create_connection(("127.0.0.1", request["port"]), timeout=2),
    "program": lambda request: subprocess.run(["true"], check=True),  # must fail  # nosec B607
    "write": lambda request: Path(request["path"]).write_text("here"),
    "append": lambda request: os.open(request["path"], os.O_APPEND | os.O_WRONLY),
    "remove": lambda request: Path(request["path"]).unlink(),
    "rename": lambda request: Path(request["path"]).rename(request["path"] + "x"),
    "folder": lambda request: Path(request["path"]).mkdir(),
    "temporary": lambda request: tempfile.mkstemp(dir=request["path"]),
    "signal": lambda request: os.kill(os.getppid(), 0),
    "read": lambda request: Path(request["path"]).read_bytes(),
}


def _spin(request: dict[str, Any]) -> None:
    while True:
        pass


def _recurse(request: dict[str, Any]) -> None:
    _recurse(request)


FATAL_ACTIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "memory": lambda request: [bytearray(2**26) for _ in range(2**12)],
    "compute": _spin,
    "sleep": lambda request: time.sleep(60),
    "crash": lambda request: ctypes.string_at(0),
    "recurse": _recurse,
}
