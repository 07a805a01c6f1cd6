"""Every snippet of docs/library.md, every doctest and both notebooks run."""

from __future__ import annotations

import doctest
import importlib
import json
import re
from pathlib import Path

import pytest

import suture

ROOT = Path(__file__).parents[2]
SNIPPET = re.compile(r"^```python([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def test_the_documentation_runs() -> None:  # 5 s: what a newcomer does, from arrays to a workspace
    snippets = SNIPPET.findall((ROOT / "docs" / "library.md").read_text())
    assert len(snippets) == 10
    names: dict[str, object] = {"suture": suture}
    for options, code in snippets[1:]:  # the first stands for all
        if "no-run" not in options:
            exec(compile(code, "docs/library.md", "exec"), names)
    assert names["change"].verdict.word == "closed"  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", ["evaluation", "comparison", "loss", "callbacks", "workspace"])
def test_doctests(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"suture.library.{module}"))
    assert found.attempted > 2
    assert found.failed == 0


def test_there_are_two_notebooks_without_outputs() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["arrays_to_verdict", "gap_closing_in_open_clip"]
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text())["cells"]
        assert not any(cell.get("outputs") for cell in cells)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # 15 s: a kernel, and training
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    nbclient.NotebookClient(nbformat.read(path, 4), timeout=500, kernel_name="python3").execute()
