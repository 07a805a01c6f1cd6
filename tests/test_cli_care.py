"""From a shell: damage is named, leftovers are cleared away, a copy is a workspace, deleting deletes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from suture import jobs
from suture.cli import app
from suture.data.files import uploads
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import CHECKPOINT, COLLECTION, SELECTION, SET, Workspace, schema, write_derived
from suture.data.workspace.cleanup import WEEK
from suture.models.embedding.embed import embed
from suture.workflows import layouts
from suture.workflows.demo import make_collection


def suture(home: Path, *words: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, [*words, "--json", "--home", str(home)])
    return done.exit_code, json.loads(done.stdout) if done.stdout.startswith("{") else done.output


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one of each: collection, checkpoint, set, selection, something derived."""
    from suture.data.collections import selections

    workspace = Workspace(tmp_path_factory.mktemp("used") / "home")
    make_collection(workspace, lambda what, share: None, studies=20, name="few")
    run = embed(workspace, "few", "demo-untrained", name="vectors")
    ids = tuple(workspace_ids(workspace, run.name)[:3])
    few = workspace.record(COLLECTION, "few")
    selections.save(workspace, selections.Selection("picked", "few", few.id, ids, "by hand"))
    write_derived(workspace.derived(workspace.record(SET, "vectors"), layouts.FILE), b"computed")
    return workspace.home


def workspace_ids(workspace: Workspace, name: str) -> list[str]:
    from suture.data.workspace.embedding_sets import load

    return load(workspace, name).rows["study_id"].tolist()


@pytest.fixture
def copy(used: Path, tmp_path: Path) -> Path:
    """A backup of it, to break."""
    done = CliRunner().invoke(app, ["backup", str(tmp_path / "copy"), "--home", str(used)])
    assert done.exit_code == 0, done.output
    return tmp_path / "copy"


def flip(path: Path, at: int) -> None:
    """One bit."""
    with path.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ 1]))


FILES = [
    (COLLECTION, "few", "studies.parquet"),
    (COLLECTION, "few", "images.bin"),
    (COLLECTION, "few", "images.npy"),
    (SET, "vectors", "vectors-0.npy"),
    (SET, "vectors", "rows.parquet"),
    (SELECTION, "picked", "studies.parquet"),
    (CHECKPOINT, "demo-untrained", ""),
]


def test_a_copy_is_a_whole_workspace(used: Path, copy: Path) -> None:
    code, health = suture(copy, "verify", "--deep")
    assert (code, health["sound"], health["records"], health["damaged"]) == (0, True, 4, [])
    ours, theirs = (Workspace(home).record(COLLECTION, "few") for home in (used, copy))
    assert ours.fingerprint == theirs.fingerprint
    assert {p.stat().st_mode & 0o077 for p in copy.rglob("*")} == {0}


def test_a_backup_never_overwrites(used: Path, copy: Path) -> None:
    for target in (copy, used / "inside"):
        done = CliRunner().invoke(app, ["backup", str(target), "--home", str(used)])
        assert getattr(done.exception, "code", "") in ("target_taken", "target_inside")


@pytest.mark.parametrize(("kind", "name", "file"), FILES)
def test_a_flipped_bit_is_found_and_the_rest_still_opens(copy: Path, kind: str, name: str, file: str) -> None:
    record = Workspace(copy).record(kind, name)
    file = file or max(record.files, key=lambda f: record.files[f][0])
    flip(record.folder / file, record.files[file][0] // 2)
    code, health = suture(copy, "verify")
    [found] = health["damaged"]
    assert (code, found["name"], found["file"], found["what"]) == (1, name, file, "changed")
    assert all(r.intact for k, n, _ in FILES for r in [Workspace(copy).record(k, n)] if r.id != record.id)


@pytest.mark.parametrize("said", [b'"n": 20', b"few"])
def test_a_flipped_bit_in_the_index_is_found(copy: Path, said: bytes) -> None:
    content = (copy / schema.FILE).read_bytes()
    flip(copy / schema.FILE, content.index(said) + len(said) - 1)
    code, health = suture(copy, "verify", "--deep")
    assert code != 0
    assert "index" in str(health)


def test_what_can_be_rebuilt_is_told_from_what_is_lost(copy: Path) -> None:
    workspace = Workspace(copy)
    for kind, name in ((SET, "vectors"), (CHECKPOINT, "demo-untrained"), (SELECTION, "picked")):
        record = workspace.record(kind, name)
        (record.folder / next(iter(record.files))).unlink()
    remedies = {d["name"]: d["remedy"] for d in suture(copy, "verify")[1]["damaged"]}
    assert "embed the collection again" in remedies["vectors"]
    assert "created again when used" in remedies["demo-untrained"]
    assert "backup" in remedies["picked"]


def test_damage_to_what_is_derived_is_mended_by_deleting_it(copy: Path) -> None:
    workspace = Workspace(copy)
    path = workspace.derived(workspace.record(SET, "vectors"), "x")
    write_derived(path, b"computed")
    flip(path, 34)
    assert suture(copy, "verify")[1]["damaged"][0]["remedy"].startswith("deleted")
    assert suture(copy, "verify")[0] == 0


def test_clearing_up_spares_what_a_living_job_uses(workspace: Workspace) -> None:
    used, unused = (uploads.spool(workspace, [("x", b"12345")]) for _ in range(2))
    fresh = uploads.spool(workspace, [("x", b"1")])
    row = ("j", "import", json.dumps({"source": str(used)}), "queued", 0.0, 0.0)
    with workspace.transaction() as db:
        db.execute("INSERT INTO jobs (id, kind, args, state, created, heartbeat) VALUES (?,?,?,?,?,?)", row)
    for path in [p for folder in (used, unused) for p in (folder, *folder.iterdir())]:
        os.utime(path, (0, path.stat().st_mtime - WEEK - 1))
    would = suture(workspace.home, "gc", "--dry-run")[1]
    assert unused.exists()
    freed = suture(workspace.home, "gc")[1]
    assert would["bytes"] == freed["bytes"] == 5 + len('{"000000": "x"}')
    assert [used.exists(), fresh.exists(), unused.exists()] == [True, True, False]


MARK = "zebrafinch"


def written(home: Path) -> list[str]:
    """Files below a workspace in which the mark can still be read."""
    files = [p for p in home.rglob("*") if p.is_file()]
    return [str(p.relative_to(home)) for p in files if MARK.encode() in p.read_bytes()]


def test_deleting_leaves_no_trace(workspace: Workspace) -> None:
    with workspace.staging() as folder:
        (folder / "a.bin").write_bytes(MARK.encode() * 500)
        record = workspace.publish(SET, MARK, folder, EmbeddingSetMetadata.from_json({"said": MARK * 3000}))
    write_derived(workspace.derived(record, "layout"), MARK.encode())
    parts = workspace.parts(workspace.home / "parts" / "run", record)
    (parts / "0.npz").write_bytes(MARK.encode())
    row = (
        "j",
        "embed",
        json.dumps({"collection": MARK}),
        "done",
        f"{MARK}: done",
        json.dumps({"of": MARK}),
        0,
        0,
    )
    with workspace.transaction() as db:
        columns = "id, kind, args, state, message, result, created, heartbeat"
        db.execute(f"INSERT INTO jobs ({columns}) VALUES (?,?,?,?,?,?,?,?)", row)
    (workspace.home / "logs" / "j.log").write_text(MARK)
    assert len(written(workspace.home)) >= 5
    workspace.remove(SET, MARK)
    assert written(workspace.home) == []
    assert jobs.jobs(workspace) == []
