"""Run the Ray tests (`ray_engine_cases.py`) in a separate process.

When its cluster disappears, Ray may end the process it runs in without a message. That must not end the other
tests.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")
pytestmark = [pytest.mark.ray, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parents[2]
CASES = 11


def test_every_case_of_ray_passes() -> None:
    command = [sys.executable, "-m", "pytest", "-m", "ray", "tests/models/ray_engine_cases.py"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{CASES} passed" in run.stdout
