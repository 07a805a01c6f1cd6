"""Untrusted files are parsed here, in a child process that may only compute, read files and answer.

The child has no network, writes no files, starts no programs, and has limited memory and time. It answers in
frames of JSON and plain arrays, so nothing that it read can be executed in the parent.

parent       asks a child for a task and reads its answers
processes    the child as the parent sees it
fork_server  a process that has imported the readers, and forks the children
child        the process that runs one parsing task
tasks        what can be asked for
confinement  resource limits and the system call filter of the child
syscalls     the seccomp filter
wire         the format of the frames
probe        forbidden actions, for the tests
"""

from suture.data.sandbox.confinement import Budget, protections
from suture.data.sandbox.parent import ParserDied, run
from suture.data.sandbox.wire import TICK, Frame

__all__ = ["TICK", "Budget", "Frame", "ParserDied", "protections", "run"]
