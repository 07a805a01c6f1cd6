"""Every code that the intake can answer with is explained, in the table and in the docs."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest

from suture.data.intake.reasons import DOCS, page, reasons, topics
from tests.conftest import beside

ROOT = Path(__file__).parents[2]
OFFERED = (
    "models/checkpoints/recognise.py",
    "models/checkpoints/registry.py",
    "models/checkpoints/sources.py",
    "models/checkpoints/weights_match.py",
    "models/checkpoints/add_checkpoint.py",
    "workflows/job_kinds.py",
    "workflows/neighbours/uploads.py",
)
READERS = [path for path in (ROOT / "data").rglob("*.py") if path.name != "scoring_rules.py"]
INTAKE = (*READERS, *(ROOT / name for name in OFFERED))

ANSWERS = ("Refused", "Skipped", "ParserDied", "warn")


def codes(path: Path) -> set[str]:
    """First arguments of Refused, Skipped, ParserDied and of `warn`, where they are written out."""
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call) and n.args]
    named = [
        c for c in calls if ast.unparse(c.func).split(".")[-1] in ("Refused", "Skipped", "ParserDied", "warn")
    ]
    firsts = [c.args[0] for c in named]
    return {
        a.value
        for a in firsts
        if isinstance(a, ast.Constant) and isinstance(a.value, str) and " " not in a.value
    }


@pytest.mark.parametrize("path", INTAKE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_code_is_in_the_table(path: Path) -> None:
    unknown = codes(path) - set(reasons())
    assert not unknown, f"add {unknown} to data/intake/reasons.txt"


def test_codes_are_explained_once_and_plainly() -> None:
    listed = [r for topic in topics().values() for r in topic]
    assert len(listed) == len(reasons())
    assert all(r.code.isidentifier() and r.means.endswith((".", '"')) and r.do for r in listed)


def test_the_docs_hold_the_table() -> None:
    assert DOCS.read_text() == page(), "docs/reason-codes.md is stale: python -m suture.data.intake.reasons"


def test_every_example_has_a_known_answer() -> None:
    rows = csv.DictReader(beside("hostile", "expected.csv").read_text().splitlines())
    elsewhere = {"", "dicom_phi_removed", "index_corrupt"}  # always done; an index is rebuilt, not refused
    assert {row["reason"] for row in rows} - elsewhere <= set(reasons())
