"""The command line as a test calls it: in this process, or as a program of its own."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from suture import cli

ROOT = Path(__file__).parents[1]


def suture(home: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `suture ARGUMENTS`, run in this process: no start-up to pay for."""
    out, error, code = io.StringIO(), io.StringIO(), 0
    mask, on_term = os.umask(0o077), signal.getsignal(signal.SIGTERM)
    try:
        with (
            mock.patch.dict(os.environ, {"SUTURE_HOME": str(home), "HF_HUB_OFFLINE": "1"}),
            mock.patch.object(sys, "argv", ["suture", *arguments]),
            redirect_stdout(out),
            redirect_stderr(error),
        ):
            cli.main()
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        os.umask(mask)
        signal.signal(signal.SIGTERM, on_term)
    return _answer(code, out.getvalue(), error.getvalue())


def program(home: Path, *arguments: str) -> tuple[int, str, str]:
    """The same, as a process of its own."""
    environment = {**os.environ, "SUTURE_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "suture.cli", *arguments]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return _answer(result.returncode, result.stdout, result.stderr)


def _answer(code: int, out: str, error: str) -> tuple[int, str, str]:
    assert "Traceback" not in out + error
    assert "Internal error" not in error, error
    return code, out, error
