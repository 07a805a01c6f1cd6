"""Uploads lie on disk under names of our own, whole or not at all."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from suture.data.errors import Refused
from suture.data.files import uploads
from suture.data.workspace import Workspace
from suture.data.workspace.cleanup import WEEK


def test_labels_are_kept_and_are_never_paths(workspace: Workspace) -> None:
    came = [("../../x.csv", b"a"), ("x.csv", io.BytesIO(b"bb")), ("x.csv", b""), ("\u202egnp.\0", b"d")]
    folder = uploads.spool(workspace, came)
    found = uploads.spooled_files(folder)
    assert [(label, file.read_bytes()) for label, file in found] == [
        (label, content if isinstance(content, bytes) else b"bb") for label, content in came
    ]
    assert {p.name for p in folder.iterdir()} == {"000000", "000001", "000002", "000003", "index.json"}
    assert uploads.is_spooled(folder)


def test_only_the_user_may_read_an_upload(workspace: Workspace) -> None:
    folder = uploads.spool(workspace, [("x", b"a")])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}


def test_an_upload_that_fails_leaves_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="disk of the workspace is full"):
        uploads.spool(workspace, [("x", b"a")])
    assert not [*(workspace.home / "uploads").iterdir()]


def test_discard_takes_uploads_only(workspace: Workspace, tmp_path: Path) -> None:
    folder = uploads.spool(workspace, [("x", b"a")])
    uploads.discard(folder)
    assert not folder.exists()
    with pytest.raises(ValueError, match="not an upload"):
        uploads.discard(tmp_path)


def test_an_upload_that_nobody_fetched_is_swept(workspace: Workspace) -> None:
    old, new = (uploads.spool(workspace, [("x", b"a")]) for _ in range(2))
    for path in (old, *old.iterdir()):
        os.utime(path, (0, path.stat().st_mtime - WEEK - 1))
    Workspace(workspace.home)
    assert new.exists()
    assert not old.exists()
