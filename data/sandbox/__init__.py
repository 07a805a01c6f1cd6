"""Bytes from strangers are parsed here: in a child process that may compute, read, and answer. No more.

The child has no network, writes no file, starts no program, and has an end to its memory and its time. It
answers in frames of JSON and plain arrays, so that nothing of what it read can be executed by who asked.
"""

from suture.data.sandbox.confinement import Budget, protections
from suture.data.sandbox.parent import ParserDied, run
from suture.data.sandbox.wire import TICK, Frame

__all__ = ["TICK", "Budget", "Frame", "ParserDied", "protections", "run"]
