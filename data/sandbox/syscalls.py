"""A seccomp filter for the rest of a process: no network, no programs, read-only files (Linux).

seccomp in filter mode (kernel documentation, userspace-api/seccomp_filter): a BPF program checks the number
of each system call, and the flags of calls that open a file. Denied calls fail with EPERM. The filter applies
to all threads and needs no privilege.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

# name: numbers on x86_64 and aarch64 (None: the call does not exist there)
DENIED: dict[str, tuple[int | None, int | None]] = {
    # the network, and ways around a filter
    **{"socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200)},
    **{"io_uring_setup": (425, 425), "bpf": (321, 280), "keyctl": (250, 219)},
    # other programs and processes
    **{"execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None)},
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271)},
    **{"kill": (62, 129), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424)},
    **{"unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "perf_event_open": (298, 241)},
    # changes to files
    **{"creat": (85, None), "truncate": (76, 45), "ftruncate": (77, 46), "openat2": (437, 437)},
    **{"unlink": (87, None), "unlinkat": (263, 35), "rmdir": (84, None), "open_by_handle_at": (304, 265)},
    **{"rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276)},
    **{"mkdir": (83, None), "mkdirat": (258, 34), "mknod": (133, None), "mknodat": (259, 33)},
    **{"link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36)},
    **{"chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452)},
    **{"chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54)},
    **{"utimensat": (280, 88), "setxattr": (188, 5), "fsetxattr": (190, 7)},
}
OPENING = {"x86_64": {2: 1, 257: 2}, "aarch64": {56: 2}}  # open, openat: the argument that holds the flags
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SYSCALL_SECCOMP = {"x86_64": 317, "aarch64": 277}
X32 = 0x40000000  # bit of the x32 call numbers on x86_64
WRITING = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
NR, ARCH, ARGS = 0, 4, 16  # offsets in struct seccomp_data
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, DENY, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1 = EPERM
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, ALL_THREADS = 38, 1, 1


def is_available() -> bool:
    """Whether this system supports the filter."""
    return sys.platform == "linux" and platform.machine() in ARCHITECTURES


def install_filter() -> bool:
    """Install the filter for the rest of this process; False if the system does not support it."""
    if not is_available():
        return False
    libc, machine = ctypes.CDLL(None, use_errno=True), platform.machine()
    program = _program(machine)
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    holder = ctypes.create_string_buffer(described, len(described))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return libc.syscall(SYSCALL_SECCOMP[machine], SET_MODE_FILTER, ALL_THREADS, holder) == 0


def _program(machine: str) -> bytes:
    """Instructions of 8 bytes: code, jump if true, jump if false, operand. Jumps count instructions."""
    column = list(ARCHITECTURES).index(machine)
    denied = sorted(n for numbers in DENIED.values() if (n := numbers[column]) is not None)
    lines = [_line(LOAD, ARCH), _line(EQUAL, ARCHITECTURES[machine], 1, 0), _line(RETURN, KILL)]
    lines += [_line(LOAD, NR)]
    if machine == "x86_64":
        lines += [_line(AT_LEAST, X32, 0, 1), _line(RETURN, DENY)]
    for number, argument in OPENING[machine].items():
        lines += [_line(EQUAL, number, 0, 4), _line(LOAD, ARGS + 8 * argument)]
        lines += [_line(ANY_BIT, WRITING, 0, 1), _line(RETURN, DENY), _line(RETURN, ALLOW)]
    for number in denied:
        lines += [_line(EQUAL, number, 0, 1), _line(RETURN, DENY)]
    return b"".join([*lines, _line(RETURN, ALLOW)])


def _line(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)
