"""The workspace publishes all or nothing, keeps names apart from paths, and notices damage."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.data.errors import NotFound, Refused, UserError
from suture.data.metadata import CheckpointMetadata, CollectionMetadata, EmbeddingSetMetadata
from suture.data.workspace import (
    BUILT_IN,
    CHECKPOINT,
    COLLECTION,
    SET,
    Workspace,
    check_name,
    read_derived,
    write_atomically,
    write_derived,
)


def publish(workspace: Workspace, name: str, content: bytes = b"x") -> None:
    with workspace.staging() as folder:
        (folder / "a.bin").write_bytes(content)
        (folder / "sub").mkdir()
        (folder / "sub" / "b.bin").write_bytes(content * 2)
        workspace.publish(SET, name, folder, EmbeddingSetMetadata(n=1))


def test_published_record_has_size_hash_and_files(workspace: Workspace) -> None:
    publish(workspace, "first")
    record = workspace.record(SET, "first")
    assert record.path("sub/b.bin").read_bytes() == b"xx"
    assert record.size == 3
    assert workspace.verify(record) == []
    record.path("a.bin").write_bytes(b"y")
    assert workspace.verify(record) == ["a.bin"]


def test_equal_content_has_equal_fingerprint(workspace: Workspace) -> None:
    for name in ("one", "two"):
        publish(workspace, name)
    publish(workspace, "three", b"z")
    one, two, three = (workspace.record(SET, n).fingerprint for n in ("one", "two", "three"))
    assert one == two != three


def test_taken_name_is_refused_and_nothing_changes(workspace: Workspace) -> None:
    publish(workspace, "mine", b"old")
    with pytest.raises(Refused, match="already a set"):
        publish(workspace, "mine", b"new")
    assert workspace.record(SET, "mine").path("a.bin").read_bytes() == b"old"
    assert list((workspace.home / "staging").iterdir()) == []


def test_failure_before_the_commit_leaves_no_record(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Workspace, "_insert", fail)
    with pytest.raises(sqlite3.OperationalError):
        publish(workspace, "half")
    assert Workspace(workspace.home).records(SET) == []


def test_order_is_flush_rename_flush_commit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace, insert = os.fsync, Path.replace, Workspace._insert
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda a, b: (events.append("rename"), replace(a, b))[1])
    monkeypatch.setattr(Workspace, "_insert", lambda *a: (events.append("commit"), insert(*a))[1])
    publish(workspace, "ordered")
    assert [e for i, e in enumerate(events) if i == 0 or e != events[i - 1]] == [
        "fsync",
        "rename",
        "fsync",
        "commit",
    ]


def test_rename_and_remove(workspace: Workspace) -> None:
    publish(workspace, "old")
    workspace.rename(SET, "old", "new name (2)")
    folder = workspace.record(SET, "new name (2)").folder
    workspace.remove(SET, "new name (2)")
    assert not folder.exists()
    with pytest.raises(NotFound, match="none yet"):
        workspace.record(SET, "new name (2)")


def test_write_atomically_leaves_old_or_new(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"1")
    write_atomically(path, b"2")
    assert path.read_bytes() == b"2"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@given(st.text(max_size=100))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_no_name_ever_becomes_a_path(name: str) -> None:
    if set(name) & set("/\\\0\n\r") or name in ("", ".", ".."):
        with pytest.raises(UserError, match="cannot be a name"):
            check_name(name)


def test_kinds_have_their_own_names(workspace: Workspace) -> None:
    publish(workspace, "same")
    with workspace.staging() as folder:
        (folder / "a").write_bytes(b"1")
        workspace.publish(COLLECTION, "same", folder, CollectionMetadata())
    assert len(workspace.records(SET)) == len(workspace.records(COLLECTION)) == 1


def test_everybody_sees_the_shared_ones_and_nobody_anothers(workspace: Workspace) -> None:
    ann, bob = (Workspace(workspace.home, name) for name in ("ann", "bob"))
    publish(workspace, "shared")
    publish(ann, "mine", b"of ann")
    publish(bob, "mine", b"of bob")
    assert [r.name for r in ann.records(SET)] == ["shared", "mine"]
    assert ann.record(SET, "mine").path("a.bin").read_bytes() == b"of ann"
    assert bob.by_id(ann.record(SET, "mine").id) is None
    assert [r.name for r in workspace.records(SET)] == ["shared"]
    assert not workspace.has(SET, "mine")


def test_nobody_changes_what_is_everybodys(workspace: Workspace) -> None:
    publish(workspace, "shared")
    ann = Workspace(workspace.home, "ann")
    for change in (lambda: ann.remove(SET, "shared"), lambda: ann.rename(SET, "shared", "x")):
        with pytest.raises(Refused, match="is shared by all users") as refused:
            change()
        assert refused.value.code == "not_yours"
    publish(ann, "shared", b"own")
    assert [r.owner for r in ann.records(SET)] == ["ann"], "the own one stands before the shared one"
    ann.remove(SET, "shared")
    assert ann.record(SET, "shared").owner == ""


def test_unfinished_work_of_another_is_not_shown(workspace: Workspace) -> None:
    ann, bob = (Workspace(workspace.home, name) for name in ("ann", "bob"))
    publish(workspace, "shared")
    shared = workspace.record(SET, "shared")
    for who, folder in ((ann, "of ann"), (workspace, "of all"), (ann, "of both"), (bob, "of both")):
        who.parts(workspace.home / "parts" / folder, shared)
    assert ann.others_parts() == set()
    assert bob.others_parts() == {"of ann"}
    workspace.remove(SET, "shared")
    assert not [*(workspace.home / "parts").iterdir()]


def test_built_in_checkpoints_are_made_for_everybody(workspace: Workspace) -> None:
    ann = Workspace(workspace.home, "ann")
    with ann.staging() as folder:
        (folder / "w").write_bytes(b"1")
        assert ann.publish(CHECKPOINT, BUILT_IN[0], folder, CheckpointMetadata()).owner == ""


def test_a_file_that_is_not_what_was_kept_is_named(workspace: Workspace) -> None:
    publish(workspace, "one", b"long enough")
    record = workspace.record(SET, "one")
    for content, found in ((b"short", "truncated"), (b"long enougH", "changed")):
        (record.folder / "a.bin").write_bytes(content)
        assert record.damage("a.bin") == found
        with pytest.raises(Refused, match=r"'one' is damaged: a\.bin"):
            record.path("a.bin")
    assert not Path(record.path("sub/b.bin")).samefile(record.folder / "a.bin")


def test_all_that_is_kept_is_for_the_user_alone(workspace: Workspace) -> None:
    publish(workspace, "one")
    write_derived(workspace.derived(workspace.record(SET, "one"), "x"), b"1")
    for path in (workspace.home, *workspace.home.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_what_is_derived_is_thrown_away_when_it_is_damaged(workspace: Workspace) -> None:
    publish(workspace, "one")
    path = workspace.derived(workspace.record(SET, "one"), "x")
    assert read_derived(path) is None
    write_derived(path, b"computed")
    assert read_derived(path) == b"computed"
    path.write_bytes(path.read_bytes()[:-1] + b"D")
    assert read_derived(path) is None
    assert not path.exists()
