"""An older workspace becomes this one in one step or not at all; a newer one is left alone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from suture.data.errors import Refused
from suture.data.workspace import SET, Workspace, schema, sha256

OLD = """
CREATE TABLE records (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL,
  meta TEXT NOT NULL, UNIQUE (kind, name));
CREATE TABLE files (
  record TEXT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
  name TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (record, name));
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL,
  progress REAL NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', pid INTEGER,
  pid_started REAL, created REAL NOT NULL, heartbeat REAL NOT NULL);
PRAGMA user_version = 1;
"""  # as version 1 made it


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A workspace of version 1 with one set and one job."""
    folder = tmp_path / "old" / SET / "abc"
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(b"kept")
    with closing(sqlite3.connect(tmp_path / "old" / schema.FILE)) as db, db:
        db.executescript(OLD)
        meta = json.dumps({"n": 1, "comparable": True})
        db.execute("INSERT INTO records VALUES ('abc', ?, 'mine', 12.25, ?)", (SET, meta))
        db.execute("INSERT INTO files VALUES ('abc', 'a.bin', 4, ?)", (sha256(folder / "a.bin"),))
        db.execute("INSERT INTO jobs VALUES ('j', 'embed', '{}', 'done', 1, 'Done', 1, 1, 1, 1)")
    return tmp_path / "old"


def version(home: Path) -> int:
    with closing(sqlite3.connect(home / schema.FILE)) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def test_what_was_kept_is_kept_and_is_everybodys(old: Path) -> None:
    workspace = Workspace(old, "somebody")
    record = workspace.record(SET, "mine")
    assert (record.id, record.owner, record.created, record.meta.n) == ("abc", "", 12.25, 1)
    assert record.path("a.bin").read_bytes() == b"kept"
    with workspace.read() as db:
        row = db.execute("SELECT * FROM records").fetchone()
        assert row["seal"] == schema.seal(row, record.files)
        job = db.execute("SELECT * FROM jobs").fetchone()
        assert (job["message"], job["owner"], job["attempts"], job["result"]) == ("Done", "", 0, None)
        assert not db.execute("PRAGMA foreign_key_check").fetchall()


def test_the_files_of_a_record_still_go_with_it(old: Path) -> None:
    Workspace(old).remove(SET, "mine")
    with Workspace(old).read() as db:
        assert not db.execute("SELECT * FROM files").fetchall()


def test_a_copy_of_the_old_index_is_made_first(old: Path) -> None:
    Workspace(old)
    with closing(sqlite3.connect(old / schema.COPIES / "version-1.sqlite")) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 1
        assert db.execute("SELECT name FROM records").fetchall() == [("mine",)]


def test_a_step_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise sqlite3.OperationalError("interrupted")

    monkeypatch.setattr(schema, "seal", fail)  # in the middle: the new table is there already
    with pytest.raises(Refused, match="interrupted"):
        Workspace(old)
    monkeypatch.undo()
    assert version(old) == 1
    assert Workspace(old).record(SET, "mine").id == "abc"


def test_a_newer_workspace_is_refused_and_stays_as_it_is(old: Path) -> None:
    with closing(sqlite3.connect(old / schema.FILE)) as db:
        db.execute("PRAGMA user_version = 99")
    before = {p: p.stat().st_mtime_ns for p in old.rglob("*")}
    with pytest.raises(Refused, match="newer Suture"):
        Workspace(old)
    assert {p: p.stat().st_mtime_ns for p in old.rglob("*")} == before


@pytest.mark.parametrize("at", [0, 100])
def test_a_damaged_index_is_named(old: Path, at: int) -> None:
    Workspace(old)
    content = bytearray((old / schema.FILE).read_bytes())
    content[at : at + 60] = b"\xff" * 60
    other = old.with_name(f"damaged-{at}")
    other.mkdir()
    (other / schema.FILE).write_bytes(content)
    with pytest.raises(Refused, match="is damaged"):
        Workspace(other)
    assert (other / schema.FILE).read_bytes() == content
