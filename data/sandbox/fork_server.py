"""The fork server: a process that has imported the readers, and forks the child of each task.

A new Python needs a second of processor time to import them, a fork a hundredth of that. The server never
reads a source, so every child starts from the same clean state. When its parent ends, it kills its children
and ends too; it also ends when nothing is asked for a while, for what it has imported takes memory.
`python -m suture.data.sandbox.fork_server`, with the socket of the requests as standard input.

Each request is a message of JSON, `module` to import and `environment` of the child, with three descriptors:
standard input and output of the child, and a control socket. The server writes STARTED to it, and at the
end the exit status as a decimal number; closing it for writing kills the child.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import sys

from suture.data.sandbox import child
from suture.data.sandbox.processes import STARTED

REQUEST_BYTES = 2**17
IDLE = 300.0  # seconds


class _Server:
    """Waits for requests, kills, and ends of children."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._children: dict[int, socket.socket] = {}  # process id -> control socket
        self._ended, ended = socket.socketpair()
        for end in (self._ended, ended):
            end.setblocking(False)
        signal.set_wakeup_fd(ended.fileno())  # a byte for each signal
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._own = [requests, self._ended, ended]
        self._ready = selectors.DefaultSelector()
        self._ready.register(requests, selectors.EVENT_READ)
        self._ready.register(self._ended, selectors.EVENT_READ)

    def serve(self) -> None:
        """Until the parent has closed the socket of the requests, or nothing has been asked for a while."""
        while ready := self._ready.select(None if self._children else IDLE):
            for key, _ in ready:
                if key.fileobj is self._ended:
                    self._ended.recv(REQUEST_BYTES)
                    self._report_ends()
                elif key.fileobj is self._requests:
                    if not self._take_request():
                        return
                elif key.data in self._children:  # not reaped yet, so the number is still its own
                    self._ready.unregister(key.fileobj)
                    os.kill(key.data, signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill the children that are left."""
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _take_request(self) -> bool:
        """Fork a child; False if the parent is gone."""
        content, descriptors, _, _ = socket.recv_fds(self._requests, REQUEST_BYTES, 3)
        if not content:
            return False
        request = json.loads(content)
        with contextlib.suppress(Exception):  # the child fails in the same way, and can say so
            importlib.import_module(request["module"])  # once, for this child and all after it
        pid = os.fork()
        if not pid:
            self._become_child(request["environment"], descriptors)
        reading, writing, control = descriptors
        os.close(reading)
        os.close(writing)
        self._children[pid] = socket.socket(fileno=control)
        self._ready.register(self._children[pid], selectors.EVENT_READ, pid)
        with contextlib.suppress(OSError):  # the parent is gone
            self._children[pid].sendall(STARTED)
        return True

    def _become_child(self, environment: dict[str, str], descriptors: list[int]) -> None:
        """Run the task and end; nothing of the server stays open."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._ready.close()
            for own in (*self._own, *self._children.values()):
                own.close()
            for number, descriptor in enumerate(descriptors[:2]):
                os.dup2(descriptor, number)
            for descriptor in descriptors:
                os.close(descriptor)
            os.environ.clear()
            os.environ.update(environment)
            code = child.main()
        finally:
            os._exit(code)

    def _report_ends(self) -> None:
        for pid in [*self._children]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            control = self._children.pop(pid)
            with contextlib.suppress(KeyError):  # a kill has unregistered it
                self._ready.unregister(control)
            with contextlib.suppress(OSError):  # nobody waits any more
                control.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            control.close()


def main() -> int:
    """Serve the socket that standard input is."""
    server = _Server(socket.socket(fileno=os.dup(0)))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        server.serve()
    finally:
        server.kill_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
