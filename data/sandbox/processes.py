"""The processes of the sandbox as the parent sees them: forked by a fork server, or started anew."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from typing import IO, Protocol

INHERITED_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "SUTURE_LIMITS")
CHILD_VARIABLES = {  # one thread, because library threads started before the filter would escape it
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    **{"HF_HUB_OFFLINE": "1", "TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # other pools reserve 1 GB of the limited address space
}
FORKS = sys.platform == "linux"  # elsewhere system libraries do not survive a fork
SERVER_LOST = -9
STARTED = b"+"  # the fork server's word that a child runs


class Process(Protocol):
    """What the parent needs of a child; `subprocess.Popen` has it."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    returncode: int | None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""

    def wait(self) -> int:
        """Wait for the end."""

    def kill(self) -> None:
        """End it at once."""


def start(module: str) -> Process:
    """A child process that will run a task of `module`."""
    if FORKS:
        with contextlib.suppress(OSError):  # the server cannot be started, or has died twice
            return _fork(module)
    return _python("suture.data.sandbox.child", subprocess.PIPE, subprocess.PIPE)


def environment() -> dict[str, str]:
    """The variables that a child gets."""
    return {n: os.environ[n] for n in INHERITED_VARIABLES if n in os.environ} | CHILD_VARIABLES


def _python(module: str, stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,  # libraries quote what they read on stderr
        env=environment(),
    )


class _ForkServer:
    """The connection to a running fork server."""

    def __init__(self) -> None:
        self.owner = os.getpid()  # a fork of this process must not use its server
        self._requests, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with end:
            self._process = _python("suture.data.sandbox.fork_server", end.fileno(), subprocess.DEVNULL)

    def fork(self, module: str) -> Process:
        """A child; OSError if the server is gone."""
        child = ForkedChild()
        try:
            request = json.dumps({"module": module, "environment": environment()}).encode()
            socket.send_fds(self._requests, [request], child.other_ends())
            child.close_other_ends()
            child.wait_for_start()
        except OSError:
            child.close()
            raise
        return child

    def close(self) -> None:
        """Let the server end."""
        self._requests.close()
        self._process.kill()
        self._process.wait()


_server: _ForkServer | None = None
_lock = threading.Lock()


def _fork(module: str) -> Process:
    global _server
    with _lock:
        if _server is None or _server.owner != os.getpid():
            _server = _ForkServer()
        try:
            return _server.fork(module)
        except OSError:
            _server.close()
            _server = _ForkServer()
            return _server.fork(module)


class ForkedChild:
    """A child of the fork server."""

    def __init__(self) -> None:
        (reading, writing), (own_reading, own_writing) = os.pipe(), os.pipe()
        self._reading, self._writing = os.fdopen(reading, "rb"), os.fdopen(own_writing, "wb")
        self._control, self._other_control = socket.socketpair()
        self.stdin: IO[bytes] | None = os.fdopen(writing, "wb")
        self.stdout: IO[bytes] | None = os.fdopen(own_reading, "rb", buffering=0)
        self.returncode: int | None = None

    def other_ends(self) -> list[int]:
        """The descriptors of the child: standard input, standard output, control."""
        return [end.fileno() for end in (self._reading, self._writing, self._other_control)]

    def close_other_ends(self) -> None:
        """Once the server has them."""
        for end in (self._reading, self._writing, self._other_control):
            end.close()

    def wait_for_start(self) -> None:
        """OSError if the server has ended instead: after an idle while, or killed."""
        if self._control.recv(len(STARTED)) != STARTED:
            raise ConnectionResetError("The fork server has ended.")

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self._control.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self._receive()
            self._control.setblocking(True)
        return self.returncode

    def wait(self) -> int:
        """Wait for the end."""
        if self.returncode is None:
            self._receive()
        assert self.returncode is not None
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close all ends, of a child that has not started."""
        self.close_other_ends()
        for end in (self.stdin, self.stdout, self._control):
            if end is not None:
                end.close()

    def _receive(self) -> None:
        try:
            status = self._control.recv(16)
        except ConnectionError:
            status = b""
        self.returncode = int(status) if status else SERVER_LOST
