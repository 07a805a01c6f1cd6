"""Long work on the Library page: its place in the queue, Stop, Try again, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from suture import jobs
from suture.data.workspace import Workspace
from suture.jobs import table
from suture.workflows.job_kinds import EmbedJob, ImportJob
from tests.app.test_pages import opened, words


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace where nobody hands out jobs."""
    monkeypatch.setenv("SUTURE_HOME", str(tmp_path))
    made = Workspace(tmp_path)
    with (made.home / jobs.LOCK_FILE).open("a") as lock:
        assert jobs.try_lock(lock.fileno())
        yield made


def test_a_waiting_job_tells_its_place_and_can_be_stopped_and_tried_again(home: Workspace) -> None:
    jobs.start(home, EmbedJob("a", "c"))
    waiting = jobs.start(home, EmbedJob("b", "c"))
    app = opened("library").run()
    assert not app.exception
    assert "Waiting for 1 other job" in words(app)
    app.button(key=f"stop-{waiting}").click().run()
    assert not app.exception
    assert "cancelled. Stopped by the user" in words(app)
    app.button(key=f"again-{waiting}").click().run()
    assert [j.args for j in jobs.jobs(home, active=True)] == [
        {"collection": "b", "checkpoint": "c"},
        {"collection": "a", "checkpoint": "c"},
    ]


def test_an_import_shows_its_report_and_what_failed_without_its_upload_cannot_be_tried_again(
    home: Workspace,
) -> None:
    upload = home.home / "uploads" / "x"
    upload.mkdir(parents=True)
    job_id = jobs.start(home, ImportJob(str(upload), "mine"))
    job = table.take(home, job_id)
    assert job is not None
    report = {
        "found": 3,
        "taken": 2,
        "skipped": {"id_invalid": 1},
        "problems": [["row 2", "id_invalid", "*no*"]],
    }
    table.finish(home, job, "failed", "It failed.", report)
    app = opened("library").run()
    assert not app.exception
    assert "Found 3, imported 2, skipped 1." in words(app)
    assert all(str(b.key) != f"again-{job_id}" for b in app.button)
