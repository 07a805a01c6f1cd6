"""A job killed at any moment, any number of times, produces the same bytes as an undisturbed one."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from suture import jobs
from suture.data.workspace import CHECKPOINT, COLLECTION, SET, Workspace
from suture.jobs import JobKind
from suture.models import builtin
from suture.workflows import demo
from suture.workflows.job_kinds import EmbedJob, ImportJob, TrainJob
from tests.jobs.killing import Moment, killed, run
from tests.jobs.test_jobs import until
from tests.models.training_runs import asked

STUDIES = 24
FEW, ALL = pytest.param(False, id="few"), pytest.param(True, id="all", marks=pytest.mark.slow)
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def alone(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace with a small collection, where only the test dispatches jobs."""
    demo.make_collection(workspace, lambda what, share: None, studies=STUDIES)
    with (workspace.home / jobs.LOCK_FILE).open("a") as lock:
        assert jobs.try_lock(lock.fileno())
        yield workspace


def compare(workspace: Workspace, request: JobKind, made: tuple[tuple[str, str], ...], kills: int) -> None:
    """made: (kind, name) of the records that the job creates."""
    assert run(workspace, request, Moment()) == 0
    first = jobs.jobs(workspace)[0]
    wanted = take_away(workspace, made)
    others = {kind: workspace.records(kind) for kind in (COLLECTION, CHECKPOINT, SET)}

    def done() -> None:
        last = jobs.jobs(workspace)[0]
        assert (last.message, last.result) == (first.message, first.result)
        assert take_away(workspace, made) == wanted

    span = 1.2 * (first.heartbeat - first.created)
    assert killed(workspace, request, kills, span, done) >= 1
    assert {kind: workspace.records(kind) for kind in others} == others
    assert not jobs.jobs(workspace, active=True)
    nothing_left(workspace)


def take_away(workspace: Workspace, made: tuple[tuple[str, str], ...]) -> list[dict[str, tuple[int, str]]]:
    """Remove the records; returns size and SHA-256 of every file they had."""
    found = [workspace.record(*which) for which in made]
    assert not any(workspace.verify(record) for record in found)
    for which in made:
        workspace.remove(*which)
    return [{k: v for k, v in record.files.items() if k not in TIMED} for record in found]


def nothing_left(workspace: Workspace) -> None:
    """No parts now, nothing staged after the next start, and no uncommitted files a week later."""
    assert not [*(workspace.home / "parts").glob("*/")]
    kinds = (COLLECTION, CHECKPOINT, SET)
    for folder in [f for kind in kinds for f in (workspace.home / kind).iterdir()]:
        os.utime(folder, (0, 0))
    later = Workspace(workspace.home)
    assert not [*(workspace.home / "staging").iterdir()]
    for kind in kinds:
        assert {f.name for f in (later.home / kind).iterdir()} == {r.id for r in later.records(kind)}


TIMED = ("manifest.json", "history.json")  # they contain the duration of the work


@pytest.mark.parametrize("whole", [FEW, ALL])
def test_embedding(alone: Workspace, whole: bool) -> None:
    request = EmbedJob("demo", builtin.UNTRAINED, "made")
    compare(alone, request, ((SET, "made"),), 100 if whole else 5)


@pytest.mark.parametrize("whole", [ALL])
def test_import(alone: Workspace, tmp_path: Path, whole: bool) -> None:
    folder = tmp_path / "studies"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = ["study_id,image,report"]
    for n in range(STUDIES):
        Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(folder / f"{n}.png")
        lines.append(f"s{n},{n if n else 'absent'}.png,report {n}")
    (folder / "table.csv").write_text("\n".join(lines))
    request = ImportJob(str(folder), "made")
    compare(alone, request, ((COLLECTION, "made"),), 100 if whole else 5)
    assert len([*folder.iterdir()]) == STUDIES + 1


@pytest.mark.parametrize("whole", [ALL])
def test_training(alone: Workspace, whole: bool) -> None:
    config = asked(collection="demo", batch=8, epochs=2, probe=8, save_seconds=0, name="made")
    made = ((SET, "demo @ made"), (CHECKPOINT, "made"))
    compare(alone, TrainJob([config.to_json()]), made, 20 if whole else 2)


@pytest.mark.parametrize("whole", [ALL])
def test_the_dispatcher_dies_too(workspace: Workspace, whole: bool) -> None:
    """Real processes: both are killed, and the next page view restarts them."""
    demo.make_collection(workspace, lambda what, share: None, studies=STUDIES)
    request = EmbedJob("demo", builtin.UNTRAINED, "made")
    rng, wanted = random.Random(0), []
    for kills in (0, *rng.choices((1, 2), k=6 if whole else 1)):
        jobs.start(workspace, request)
        for _ in range(kills):
            until(lambda: jobs.jobs(workspace)[0].state != "queued")
            time.sleep(rng.uniform(0, 3))
            for process in at_work(workspace):
                process.kill()
                process.wait()
            jobs.wake(workspace)
        until(lambda: jobs.jobs(workspace)[0].state == "done")
        wanted.append(take_away(workspace, ((SET, "made"),)))
    assert all(bytes_ == wanted[0] for bytes_ in wanted)


def at_work(workspace: Workspace) -> list[psutil.Process]:
    """The processes of the dispatcher and its jobs."""
    return [p for p in psutil.process_iter() if str(workspace.home) in _command(p)]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
