"""Selections from a shell: kept, listed, written, removed, and refused in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from suture.data.collections import storage
from suture.data.query import rows_matching
from suture.data.workspace import Workspace
from tests.shell import suture


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(demo_home, tmp_path_factory.mktemp("selections") / "home"))


def test_kept_listed_written_and_removed(home: Path, tmp_path: Path) -> None:
    add = ("selection", "add", "old", "--collection", "demo", "--where", "age > 60")
    code, out, _ = suture(home, *add, "--json")
    table = storage.load(Workspace(home), "demo").table
    expected = table["study_id"][rows_matching(table, "age > 60")].tolist()
    assert code == 0
    assert json.loads(out)["n"] == len(expected) > 0
    code, _, said = suture(home, *add)
    assert code == 2
    assert "already a selection called 'old'" in " ".join(said.split())
    assert suture(home, *add, "--replace")[0] == 0
    (listed,) = json.loads(suture(home, "selection", "list", "--json")[1])
    assert (listed["name"], listed["of"], listed["how"]) == ("old", "demo", "query: age > 60")
    target = tmp_path / "old.csv"
    assert suture(home, "selection", "export", "old", str(target))[0] == 0
    assert target.read_text().splitlines() == ["study_id", *expected]
    assert suture(home, "selection", "export", "old", str(target))[0] == 2
    again = ("selection", "add", "again", "--collection", "demo", "--ids", str(target), "--json")
    assert json.loads(suture(home, *again)[1])["n"] == len(expected)
    assert suture(home, "selection", "export", "old", str(tmp_path / "old.json"), "--labels")[0] == 0
    studies = json.loads((tmp_path / "old.json").read_text())["studies"]
    assert min(float(s["age"]) for s in studies) > 60
    assert suture(home, "selection", "remove", "old")[0] == 0
    assert suture(home, "selection", "export", "old", str(tmp_path / "x.csv"))[0] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--where", "agee > 1"), "Did you mean 'age'"),
        (("--where", "age > 1000"), "no study is selected"),
        ((), "Say which studies"),
        (("--ids", "/nowhere/x.csv"), "cannot be read"),
    ],
)
def test_what_cannot_be_kept_is_refused(home: Path, arguments: tuple[str, ...], told: str) -> None:
    code, _, said = suture(home, "selection", "add", "s", "--collection", "demo", *arguments)
    assert code == 2
    assert told in " ".join(said.split())
