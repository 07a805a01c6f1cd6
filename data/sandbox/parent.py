"""Who asks: starts the child, reads its frames, ends it when it takes too long, and names how it ended."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from suture.data.errors import Refused, Skipped
from suture.data.sandbox import wire
from suture.data.sandbox.confinement import Budget
from suture.data.sandbox.wire import Frame

PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "SUTURE_LIMITS")
ALONE = {  # one thread: threads of a library started before the filter would be outside of it
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **{"HF_HUB_OFFLINE": "1", "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve a gigabyte of addresses, which are limited
}
log = logging.getLogger("suture.sandbox")


class ParserDied(Refused):
    """The child ended without an answer: too much memory, too long, or killed by what it read."""


def run(task: str, request: dict[str, Any], *, budget: Budget | None = None) -> Iterator[Frame]:
    """Do a task of `suture.data.sandbox.child.TASKS` in a limited child; its answers as they come.

    request  JSON; files go as paths and are only read

    A `Refused` or `Skipped` of the task is raised here with its code and message. `ParserDied` names another
    end: parser_out_of_memory, parser_timeout, parser_died, parser_failed.
    """
    budget = budget or Budget()
    wall = budget.wall + budget.start
    with _child() as process:
        _ask(process, {"task": task, "request": request, "budget": asdict(budget)})
        while True:
            try:
                frame = wire.read(lambda size: _take(process, size, wall))  # noqa: B023, called at once
            except EOFError:
                raise _death(process) from None
            except ValueError as error:  # JSON errors too: what came is no frame
                raise ParserDied("parser_failed", _FAILED) from error
            if (kind := frame.header.get("kind")) == "end":
                return
            if kind != "answer":
                raise _error(frame.header)
            answer = Frame(dict(frame.header["of"]), frame.arrays)
            if not wire.is_tick(answer.header):
                wall = budget.wall
            yield answer


@contextmanager
def _child() -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "suture.data.sandbox.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries quote there what they read
        env={**kept, **ALONE},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
    except BrokenPipeError:  # it is gone already; reading tells how
        process.stdin = None


def _take(process: subprocess.Popen[bytes], size: int, wall: float) -> memoryview:
    """Exactly `size` bytes, waiting at most `wall` seconds for each piece."""
    assert process.stdout is not None
    pipe, content, filled = process.stdout.fileno(), bytearray(min(size, 2**20)), 0
    waiting = select.poll()  # takes descriptors of any number, which select does not
    waiting.register(pipe, select.POLLIN)
    while filled < size:
        if not waiting.poll(1000 * wall):
            process.kill()
            raise ParserDied("parser_timeout", f"It took longer than {wall:.0f} seconds to read.")
        if filled == len(content):  # grows with what comes, not with what is announced
            content.extend(bytes(min(size - filled, len(content))))
        view = memoryview(content)[filled:]
        count = os.readv(pipe, [view])
        view.release()
        if not count:
            raise EOFError
        filled += count
    return memoryview(content)[:size]


_FAILED = "It could not be read: the reader failed. Nothing of it was kept."
_MEMORY = "It needs more memory than a reader may use. Nothing of it was kept."


def _error(header: dict[str, Any]) -> Refused | Skipped:
    kind = header.get("kind")
    if kind == "refused":
        made = Skipped if header.get("class") == "Skipped" else Refused
        return made(str(header.get("code")), str(header.get("message")))
    if kind == "memory":
        return ParserDied("parser_out_of_memory", _MEMORY)
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s: %s at %s", incident, header.get("type"), header.get("where"))
    return ParserDied("parser_failed", f"{_FAILED} Incident {incident} in the log.")


def _death(process: subprocess.Popen[bytes]) -> ParserDied:
    """What the way it ended says."""
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    code = process.returncode
    if code == -signal.SIGXCPU:
        return ParserDied("parser_timeout", "It took too much computing to read.")
    if code in (-signal.SIGKILL, -signal.SIGABRT):  # the system's memory guard; a failed allocation in C
        return ParserDied("parser_out_of_memory", _MEMORY)
    return ParserDied("parser_died", "It crashed the reader. Nothing of it was kept.")
