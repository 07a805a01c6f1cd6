"""What the child may use, and how it gives up the rest: limits of the system, and a filter of its calls."""

from __future__ import annotations

import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from suture.data.sandbox import syscalls


@dataclass(frozen=True)
class Budget:
    """What one run may use.

    memory  bytes beyond what the child has when it begins
    cpu     seconds of computing between two frames
    wall    seconds between two frames; the parent ends the child after that
    start   seconds more, of both, until the first frame that is no tick: a large source is understood first
    """

    memory: int = 3 * 2**30
    cpu: int = 60
    wall: float = 60.0
    start: int = 0


def confine(budget: Budget) -> None:
    """Give up, for good: more memory, files to write, programs to start, the network."""
    _cap(resource.RLIMIT_CORE, 0)  # a core dump would hold what was read
    _cap(resource.RLIMIT_FSIZE, 0)
    _cap(resource.RLIMIT_NOFILE, 256)
    if sys.platform == "linux":  # elsewhere the system takes no limit of addresses
        _cap(resource.RLIMIT_AS, _mapped() + budget.memory)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write fails with an error instead
    if not syscalls.forbid():
        sys.addaudithook(_refuse)
    rearm(budget.cpu + budget.start)


def rearm(seconds: int) -> None:
    """Allow computing for so many seconds from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + seconds + 1, hard))


def protections() -> dict[str, bool]:
    """Which of the protections this system offers."""
    return {
        "memory, time and file limits": True,
        "memory limit by address space": sys.platform == "linux",
        "no network, programs or writing, by the kernel": syscalls.available(),
    }


def _cap(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _mapped() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _refuse(event: str, args: tuple[object, ...]) -> None:
    """The second best where the kernel offers no filter: holds for Python, not for C."""
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")):
        raise PermissionError(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise PermissionError(event)
    if event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"):
        raise PermissionError(event)
