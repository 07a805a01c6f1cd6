"""Every number of the small demo equals the one recorded before the code was moved into one package.

Sentences, titles and provenance may change; names, directions, protocols, verdicts and numbers may not.
`python -m tests.test_recorded_values HOME` writes the records anew, from a workspace that holds the demo of
400 studies: only where a number is meant to change, which the commit then says.
"""

from __future__ import annotations

import gzip
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.shell import suture

RECORDED = Path(__file__).with_name("recorded")
A, B = "demo @ demo-clip", "demo @ demo-aligned"
COMMANDS = {
    "evaluate": ("evaluate", A, "--split", "test", "--json"),
    "full": ("evaluate", A, "--split", "test", "--full", "--json"),
    "compare": ("compare", A, B, "--split", "test", "--json"),
    "report": ("report", A, B, "--split", "test"),
}
WORDS = {
    "name",
    "modalities",
    "direction",
    "protocol",
    "label",
    "better",
    "verdict",
    "split",
    "pair",
    "study_id",
}
LEFT_OUT = {"made", "versions", "provenance", "holds"}
TOLERANCE = 1e-5


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of all numbers and of the words that are names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in LEFT_OUT:
                yield from leaves(inner, (*path, str(key)))
    elif isinstance(value, list):
        yield (*path, "length"), len(value)
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, str(number)))
    elif not isinstance(value, str) or next(key for key in reversed(path) if not key.isdecimal()) in WORDS:
        yield path, value


def measured(what: str, home: Path, folder: Path) -> dict[str, Any]:
    """The JSON of a command."""
    to = folder / "report.html"
    arguments = (*COMMANDS[what], *(("--out", str(to)) if what == "report" else ()))
    code, out, error = suture(home, *arguments)
    assert code == 0, error[-800:]
    return json.loads(to.with_suffix(".json").read_text() if what == "report" else out)


@pytest.mark.parametrize("what", COMMANDS)
def test_no_number_has_changed(what: str, demo_home: Path, tmp_path: Path) -> None:
    was = dict(leaves(json.loads(gzip.decompress((RECORDED / f"{what}.json.gz").read_bytes()))))
    now = dict(leaves(json.loads(json.dumps(measured(what, demo_home, tmp_path)))))
    assert now.keys() == was.keys()
    changed = {path: (was[path], now[path]) for path in was if not same(was[path], now[path])}
    assert not changed


def same(a: Any, b: Any) -> bool:
    """Equal, or numbers as near as another processor's rounding."""
    numbers = isinstance(a, float) and isinstance(b, int | float)
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) if numbers else bool(a == b)


if __name__ == "__main__":
    for name in COMMANDS:
        content = json.dumps(measured(name, Path(sys.argv[1]), Path(sys.argv[1])), sort_keys=True)
        (RECORDED / f"{name}.json.gz").write_bytes(gzip.compress(content.encode(), 9, mtime=0))
