"""Kills, full disks and flipped bits: what was reported as kept is there, and nothing half-made is seen."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suture.data.errors import Refused
from suture.data.vectors.blocks import Matrix
from suture.data.workspace import COLLECTION, SET, Workspace, atomic_replace, disk_space, write_derived
from tests.data.test_workspace import publish

MOMENTS = random.Random(6)


def whole(workspace: Workspace) -> set[str]:
    """Names of the sets, once each is what was kept and nothing else lies about."""
    records = workspace.records(SET)
    assert not any(workspace.verify(record) for record in records)
    assert {p.name for p in (workspace.home / SET).iterdir()} == {r.id for r in records}
    assert not [*(workspace.home / "staging").iterdir()]
    return {r.name for r in records}


def work(home: Path, number: int, say: int) -> None:
    """Publish and remove for ever, saying after each what is so from now on."""
    workspace = Workspace(home)
    for i in count():
        name = f"{number}-{i}"
        publish(workspace, name, os.urandom(3000))
        os.write(say, f"+{name}\n".encode())
        if i % 3 == 2:
            workspace.remove(SET, name)
            os.write(say, f"-{name}\n".encode())


def killed(home: Path, number: int) -> list[str]:
    """What a process said before it was killed at some moment."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(home, number, say)
        finally:
            os._exit(1)
    os.close(say)
    os.read(hear, 1)  # it has begun
    time.sleep(MOMENTS.uniform(0, 0.08))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(hear) as stream:
        return ["+" + line if i == 0 else line for i, line in enumerate(stream.read().splitlines())]


@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.seconds
def test_kills_lose_nothing_that_was_reported(workspace: Workspace, kills: int) -> None:
    for number in range(kills):
        said = killed(workspace.home, number)
        there = whole(Workspace(workspace.home))
        gone = {line[1:] for line in said if line[0] == "-"}
        kept = {line[1:] for line in said if line[0] == "+"} - gone
        unsaid = {f"{number}-{int(said[-1].split('-')[-1])}", f"{number}-{int(said[-1].split('-')[-1]) + 1}"}
        assert kept - there <= unsaid, "at most the one that was being removed"
        assert not gone & there
        for name in there:
            workspace.remove(SET, name)


class Fails:
    """Lets n - 1 calls of some functions of `os` through, and fails from the n-th on."""

    def __init__(self, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = n
        for name in ("fsync", "replace", "mkdir", "fchmod", "chmod"):
            monkeypatch.setattr(os, name, self.wrapped(getattr(os, name)))

    def wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left < 1:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **options)

        return call


def test_a_disk_that_fills_at_any_step_leaves_what_was_there(workspace: Workspace) -> None:
    publish(workspace, "old", b"old")
    refused: list[str] = []
    for n in count(1):
        with pytest.MonkeyPatch.context() as patch:
            Fails(n, patch)
            try:
                publish(workspace, "new")
                break
            except Refused as error:
                refused.append(error.code)
        assert whole(workspace) == {"old"}
    assert refused == ["disk_full"] * (n - 1)
    assert n > 8, "every step was tried"
    assert whole(workspace) == {"old", "new"}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """A file that leaves so many bytes of the disk."""
    path = disk / "others"
    path.unlink(missing_ok=True)
    with path.open("wb", buffering=0) as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(disk).free - leave)
    return path


def test_a_matrix_that_does_not_fit_is_refused_before_it_is_mapped(small: Path) -> None:
    """Where a map has no room the process would end, by SIGBUS."""
    from suture.models.training.frozen_features import zeros

    with pytest.raises(Refused) as refused, atomic_replace(small / "features-0.npy") as path:
        zeros(path, (1 << 15, 256))
    assert refused.value.code == "disk_full"
    assert not [*small.iterdir()]
    with atomic_replace(small / "features-0.npy") as path:
        zeros(path, (1 << 10, 256))[5] = 1.0
    assert np.load(small / "features-0.npy").sum() == 256


def test_vectors_that_fill_the_disk_are_refused_by_name(small: Path) -> None:
    with pytest.raises(Refused) as refused, atomic_replace(small / "spooled") as path:
        Matrix(path, np.dtype(np.float32), 256).append(np.ones((1 << 15, 256), np.float32))
    assert refused.value.code == "disk_full"


def test_a_full_disk_refuses_by_name_and_goes_on_reading_and_deleting(small: Path) -> None:
    workspace = Workspace(small / "home")
    publish(workspace, "one", b"1")
    publish(workspace, "two", b"2")
    others = fill(small)
    again = Workspace(small / "home")
    assert "disk of the workspace is full" in again.problem()
    with pytest.raises(Refused, match="more than there is"):
        publish(again, "three")
    assert whole(again) == {"one", "two"}
    again.remove(SET, "one")
    again.rename(SET, "two", "still here")
    assert whole(again) == {"still here"}
    others.unlink()
    assert Workspace(small / "home").problem() == ""
    publish(again, "three")
    assert whole(again) == {"still here", "three"}


def test_a_disk_that_fills_at_any_byte_leaves_what_was_there(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(small / "home")
    publish(workspace, "old", b"old")
    monkeypatch.setattr(disk_space, "reserve", lambda home: 0)
    (workspace.home / disk_space.RESERVED_SPACE_FILE).unlink()
    refused: list[str] = []
    for pages in range(0, 60, 2):
        others = fill(small, pages * 4096)
        try:
            publish(workspace, f"new-{pages}", os.urandom(20_000))
        except Refused as error:
            refused.append(error.code)
        others.unlink()
        workspace = Workspace(small / "home")
        assert "old" in whole(workspace)
    assert {*refused} == {"disk_full"}
    assert 5 < len(refused) < 30


def test_a_folder_that_cannot_be_written_can_be_looked_at(small: Path) -> None:
    workspace = Workspace(small / "home")
    publish(workspace, "one")
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    looking = Workspace(small / "home")
    assert looking.record(SET, "one").path("a.bin").read_bytes() == b"x"
    assert "is read-only" in looking.problem()
    changes = (
        lambda: publish(looking, "two"),
        lambda: looking.remove(SET, "one"),
        lambda: looking.rename(SET, "one", "two"),
    )
    for change in changes:
        with pytest.raises(Refused, match="is read-only"):
            change()
    write_derived(looking.derived(looking.record(SET, "one"), "x"), b"not kept, and no failure")


def test_long_work_asks_for_room_first(small: Path) -> None:
    workspace = Workspace(small / "home")
    workspace.require_space(4 << 20)
    with pytest.raises(Refused, match=r"needs 32\.\d MB free, 1\d\.\d MB more than there is"):
        workspace.require_space(20 << 20)


@pytest.mark.seconds
def test_embedding_on_a_full_disk_is_refused_and_goes_on_when_there_is_room(small: Path) -> None:
    from suture.models.embedding.embed import embed
    from suture.workflows.demo import make_collection

    workspace = Workspace(small / "home")
    make_collection(workspace, lambda what, share: None, studies=10, name="few")
    embed(workspace, "few", "demo-untrained", name="before")
    others = fill(small)
    with pytest.raises(Refused, match="disk of the workspace is full"):
        embed(workspace, "few", "demo-untrained", name="after")
    assert whole(workspace) == {"before"}
    others.unlink()
    embed(workspace, "few", "demo-untrained", name="after")
    assert whole(workspace) == {"before", "after"}
    assert len(workspace.records(COLLECTION)) == 1
