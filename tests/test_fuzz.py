"""Thousands of mutated inputs: each is taken or answered by name, none breaks or outlasts a reader.

SUTURE_FUZZ=100000 runs more of them; SUTURE_FUZZ_FROM chooses others.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import BESIDE
from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import seeds

FEW = 300
CASES = int(os.environ.get("SUTURE_FUZZ", "2000"))
FIRST = int(os.environ.get("SUTURE_FUZZ_FROM", "0"))
SECONDS = 20  # for one case
ROOT = Path(__file__).parents[1]
SMALL = 200_000  # larger ones of the corpus spend the time on copying


def corpus() -> list[tuple[str, bytes]]:
    """Inputs of the corpus beside the project, where it is."""
    found = [
        p
        for kind in ("zip", "image", "dicom", "table")
        for p in sorted((BESIDE / "hostile" / kind).glob("*"))
    ]
    return [(p.name, p.read_bytes()) for p in found if p.stat().st_size < SMALL]


@pytest.mark.parametrize("count", [FEW, pytest.param(CASES, marks=pytest.mark.slow)])
def test_mutated_inputs_are_answered_by_name(tmp_path: Path, count: int) -> None:
    sources = [*seeds(), *corpus()]
    cases = []
    for number in range(FIRST, FIRST + count):
        name, content = sources[number % len(sources)]
        path = tmp_path / f"{number}-{name}"
        path.write_bytes(mutated(content, number))
        cases.append(str(path))
    answers = answered(cases)
    broken = {case: answer for case, answer in answers.items() if answer.split()[0] in ("BROKEN", "DIED")}
    assert len(answers) == count
    assert not broken, (len(broken), Counter(broken.values()).most_common(20), [*broken.items()][:5])
    assert "taken" in answers.values()  # mutations that leave everything unreadable would prove nothing
    assert len({*answers.values()}) > 10


def answered(cases: list[str]) -> dict[str, str]:
    """Case -> answer; a reader that dies or hangs is replaced, and the case says so."""
    answers: dict[str, str] = {}
    while rest := [case for case in cases if case not in answers]:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        begun = _listen(child, rest, answers)
        child.kill()
        code = child.wait()
        if begun:
            answers[begun] = f"DIED {code}"
        elif len([case for case in cases if case not in answers]) == len(rest):
            pytest.fail("The reader does not start.")
    return answers


def _listen(child: subprocess.Popen[bytes], cases: list[str], answers: dict[str, str]) -> str:
    """Fill in answers; the case that has begun and not ended, if the child stopped there."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n".join(cases).encode())
    child.stdin.close()
    begun, wait, content = "", 60, b""
    while select.select([child.stdout], [], [], wait)[0] and (piece := os.read(child.stdout.fileno(), 65536)):
        *lines, content = (content + piece).split(b"\n")
        for word, _, rest in (line.decode().partition(" ") for line in lines):
            if word == "end":
                answers[begun] = rest
            begun, wait = rest if word == "begin" else "", SECONDS
    return begun
