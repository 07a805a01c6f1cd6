"""The child's budget, and how it is confined: resource limits and a system call filter."""

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

    memory  bytes beyond what the child has mapped when it is confined
    cpu     seconds of processor time between two frames
    wall    seconds between two frames, after which the parent kills the child
    start   seconds added to both until the first frame other than a tick: a large source takes time to open
    """

    memory: int = 3 * 2**30
    cpu: int = 60
    wall: float = 60.0
    start: int = 0


def apply_confinement(budget: Budget) -> None:
    """Give up, irrevocably, more memory, writing files, starting programs, and the network."""
    _cap(resource.RLIMIT_CORE, 0)  # a core dump would contain what was read
    _cap(resource.RLIMIT_FSIZE, 0)
    _cap(resource.RLIMIT_NOFILE, 256)
    if sys.platform == "linux":  # other systems do not enforce an address space limit
        _cap(resource.RLIMIT_AS, _mapped_bytes() + budget.memory)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails with an error instead
    if not syscalls.install_filter():
        sys.addaudithook(_audit_hook)
    extend_cpu_limit(budget.cpu + budget.start)


def extend_cpu_limit(seconds: int) -> None:
    """Allow `seconds` of processor time from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + seconds + 1, hard))


def protections() -> dict[str, bool]:
    """Protection -> whether this system offers it."""
    return {
        "memory, time and file limits": True,
        "memory limit by address space": sys.platform == "linux",
        "no network, programs or writing, by the kernel": syscalls.is_available(),
    }


def _cap(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _audit_hook(event: str, args: tuple[object, ...]) -> None:
    """The fallback where the kernel offers no filter: it binds Python code, not C libraries."""
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")):
        raise PermissionError(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise PermissionError(event)
    if event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"):
        raise PermissionError(event)
