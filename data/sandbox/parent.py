"""The parent: starts the child, reads its frames, kills it after a timeout, and reports how it ended."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from suture.data.errors import Refused, Skipped
from suture.data.sandbox import processes, wire
from suture.data.sandbox.confinement import Budget
from suture.data.sandbox.processes import Process
from suture.data.sandbox.tasks import TASKS
from suture.data.sandbox.wire import Frame

log = logging.getLogger("suture.sandbox")


class ParserDied(Refused):
    """The child ended without an answer: out of memory, timed out, or crashed by what it read."""


def run(task: str, request: dict[str, Any], *, budget: Budget | None = None) -> Iterator[Frame]:
    """Run a task of `suture.data.sandbox.tasks` in a confined child; yields its answers as they come.

    request  JSON values; files are passed as paths, and are only read

    A `Refused` or `Skipped` of the task is raised here with its code and message. `ParserDied` is any
    other end: parser_out_of_memory, parser_timeout, parser_died or parser_failed.
    """
    budget = budget or Budget()
    wall = budget.wall + budget.start
    with _child(task) as process:
        _send_request(process, {"task": task, "request": request, "budget": asdict(budget)})
        while True:
            try:
                frame = wire.read(lambda size: _read_exactly(process, size, wall))  # noqa: B023, called at once
            except EOFError:
                raise _exit_error(process) from None
            except ValueError as error:  # also JSON errors: not a frame
                raise ParserDied("parser_failed", FAILED_MESSAGE) from error
            if (kind := frame.header.get("kind")) == "end":
                return
            if kind != "answer":
                raise _error_of(frame.header)
            answer = Frame(dict(frame.header["of"]), frame.arrays)
            if not wire.is_tick(answer.header):
                wall = budget.wall
            yield answer


@contextmanager
def _child(task: str) -> Iterator[Process]:
    process = processes.start(TASKS.get(task, "").partition(":")[0])
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _send_request(process: Process, request: dict[str, Any]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
    except BrokenPipeError:  # the child has ended already; reading its answer tells how
        process.stdin = None


def _read_exactly(process: Process, size: int, wall: float) -> memoryview:
    """Exactly `size` bytes, waiting at most `wall` seconds for each chunk."""
    assert process.stdout is not None
    pipe, content, filled = process.stdout.fileno(), bytearray(min(size, 2**20)), 0
    waiting = select.poll()  # unlike select, works with descriptors of any number
    waiting.register(pipe, select.POLLIN)
    while filled < size:
        if not waiting.poll(1000 * wall):
            process.kill()
            raise ParserDied("parser_timeout", f"Reading took longer than {wall:.0f} seconds.")
        if filled == len(content):  # grows with the bytes received, not with the announced size
            content.extend(bytes(min(size - filled, len(content))))
        view = memoryview(content)[filled:]
        count = os.readv(pipe, [view])
        view.release()
        if not count:
            raise EOFError
        filled += count
    return memoryview(content)[:size]


FAILED_MESSAGE = "The file could not be read: the reader failed. Nothing was imported."
OUT_OF_MEMORY_MESSAGE = "Reading it needs more memory than the reader may use. Nothing was imported."


def _error_of(header: dict[str, Any]) -> Refused | Skipped:
    kind = header.get("kind")
    if kind == "refused":
        kind_of_error = Skipped if header.get("class") == "Skipped" else Refused
        return kind_of_error(str(header.get("code")), str(header.get("message")))
    if kind == "memory":
        return ParserDied("parser_out_of_memory", OUT_OF_MEMORY_MESSAGE)
    incident = uuid.uuid4().hex[:8]
    log.error("incident %s: %s at %s", incident, header.get("type"), header.get("where"))
    return ParserDied("parser_failed", f"{FAILED_MESSAGE} Incident {incident} in the log.")


def _exit_error(process: Process) -> ParserDied:
    """The error that the child's exit status stands for."""
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    code = process.returncode
    if code == -signal.SIGXCPU:
        return ParserDied("parser_timeout", "Reading used too much processor time.")
    if code in (
        -signal.SIGKILL,
        -signal.SIGABRT,
    ):  # the kernel's out-of-memory killer, or a failed allocation in C
        return ParserDied("parser_out_of_memory", OUT_OF_MEMORY_MESSAGE)
    return ParserDied("parser_died", "The file crashed the reader. Nothing was imported.")
