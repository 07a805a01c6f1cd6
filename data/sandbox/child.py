"""The child process: `python -m suture.data.sandbox.child`, a request on stdin, frames on stdout."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suture.data.errors import UserError
from suture.data.sandbox import wire
from suture.data.sandbox.confinement import Budget, apply_confinement, extend_cpu_limit
from suture.data.sandbox.tasks import TASKS

Send = Callable[..., None]  # (header, arrays=())


def main() -> int:
    """Run the one task of the request."""
    request, answers = json.load(sys.stdin), _open_answer_stream()
    budget = Budget(**request["budget"])

    send_lock = threading.Lock()  # a task may use threads
    begun = False

    def send(header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
        nonlocal begun
        with send_lock:
            wire.write(answers, {"kind": "answer", "of": header}, arrays)
            begun |= not wire.is_tick(header)
            extend_cpu_limit(budget.cpu + (0 if begun else budget.start))

    try:
        module, name = TASKS[request["task"]].split(":")
        task = getattr(importlib.import_module(module), name)  # imported before the confinement
        apply_confinement(budget)
        task(request["request"], send)
    except UserError as error:
        wire.write(answers, _refusal(error))
    except MemoryError:
        wire.write(answers, {"kind": "memory"})
    except (Exception, RecursionError) as error:  # whatever a parser raises, the parent must learn its type
        wire.write(answers, {"kind": "failed", "type": type(error).__name__, "where": _where(error)})
    else:
        wire.write(answers, {"kind": "end"})
    return 0


def _open_answer_stream() -> wire.Stream:
    """The stream for frames. Standard output is discarded, so that nothing printed gets between them."""
    kept = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return _WholeWriter(kept)


class _WholeWriter:
    """A pipe can accept only a part of a large write: this repeats until everything is written."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, content: Any) -> None:
        rest = memoryview(content).cast("B") if len(content) else memoryview(b"")
        while rest:
            rest = rest[self._stream.write(rest) :]


def _refusal(error: UserError) -> dict[str, Any]:
    return {"kind": "refused", "class": type(error).__name__, "code": error.code, "message": error.message}


def _where(error: BaseException) -> list[str]:
    """The places in the code where the error arose, without any values."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]


if __name__ == "__main__":
    sys.exit(main())
