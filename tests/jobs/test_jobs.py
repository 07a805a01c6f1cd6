"""The queue: order, permission to cancel, and recovery after a process dies."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from suture import jobs
from suture.data.errors import Refused
from suture.data.workspace import COLLECTION, SET, Workspace
from suture.jobs import Job, JobWorkspace, table
from suture.jobs.dispatcher import NOT_TAKEN, Dispatcher, Process
from suture.models import builtin
from suture.workflows import demo, worker
from suture.workflows.job_kinds import EmbedJob, EmbedUploadsJob, ImportJob, LayoutJob


@pytest.fixture
def alone(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace where only the test dispatches jobs."""
    with (workspace.home / jobs.LOCK_FILE).open("a") as lock:
        assert jobs.try_lock(lock.fileno())
        yield workspace


def embedding(n: int = 0) -> EmbedJob:
    """An embedding job; each `n` is a different job."""
    return EmbedJob(f"collection {n}", "a checkpoint")


def until(so: Callable[[], object]) -> None:
    for _ in range(5400):  # 270 s, so that a busy machine does not fail the test
        if so():
            return
        time.sleep(0.05)
    raise TimeoutError


def state(workspace: Workspace, job_id: str) -> str:
    found = jobs.job(workspace, job_id)
    assert found is not None
    return found.state


TAKES = """
import sys, time
from suture.data.workspace import Workspace
from suture.jobs import table
if not table.take(Workspace(sys.argv[1]), sys.argv[2]): sys.exit(3)
time.sleep(600)
"""


class Spawner:
    """Starts processes that take their job and do nothing, and records them."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def __call__(self, workspace: Workspace, job: Job, room: int) -> Process:
        self.started.append(job.id)
        return subprocess.Popen(
            [sys.executable, "-c", TAKES, str(workspace.home), job.id], start_new_session=True
        )


@pytest.fixture
def hands(alone: Workspace) -> Iterator[Dispatcher]:
    made = Dispatcher(alone, Spawner())
    yield made
    made.hand_back()


def test_one_heavy_job_at_a_time_and_the_light_one_beside_it(alone: Workspace, hands: Dispatcher) -> None:
    first, second = (jobs.start(alone, embedding(n)) for n in range(2))
    light = jobs.start(alone, EmbedUploadsJob("a visit", []))
    hands.step()
    hands.step()
    assert hands.spawn.started == [first, light]  # type: ignore[attr-defined]
    until(lambda: state(alone, first) == state(alone, light) == "running")
    waiting = jobs.job(alone, second)
    assert waiting is not None
    assert jobs.jobs_ahead(alone, waiting) == 1
    assert jobs.status_text(alone, waiting) == "Waiting for 1 other job"


def test_more_heavy_jobs_at_a_time_where_asked(alone: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUTURE_HEAVY_JOBS", "2")
    hands = Dispatcher(alone, Spawner())
    for n in range(3):
        jobs.start(alone, embedding(n))
    hands.step()
    assert len(hands.children) == 2
    hands.hand_back()
    monkeypatch.setenv("SUTURE_HEAVY_JOBS", "many")
    with pytest.raises(Refused, match="a number from 1 to 64, got 'many'"):
        jobs.start(alone, embedding())


def test_the_same_job_is_queued_once(alone: Workspace) -> None:
    first = jobs.start(alone, embedding(1))
    assert jobs.start(alone, embedding(1)) == first
    assert jobs.start(alone, embedding(2)) != first


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="sessions are not weighed here")
def test_a_job_steps_back_and_its_session_with_it() -> None:
    script = (
        "from suture.workflows import worker; worker._quiet(); print(open('/proc/self/autogroup').read())"
    )
    came = subprocess.run(
        [sys.executable, "-c", f"import os; {script}; print(os.nice(0))"],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert came.stdout.split()[1:] == ["nice", str(worker.NICE), str(min(19, os.nice(0) + worker.NICE))]


def test_three_deaths_fail_a_job(alone: Workspace, hands: Dispatcher) -> None:
    job_id = jobs.start(alone, embedding())
    for deaths in (1, 2, 3):
        hands.step()
        until(lambda: state(alone, job_id) == "running")
        os.kill(hands.children[job_id].pid, signal.SIGKILL)
        until(lambda: hands.children[job_id].poll() is not None)
        hands.step() if deaths == 3 else hands.handle_dead()
        job = jobs.job(alone, job_id)
        assert job is not None
        assert (job.state, job.attempts) == (("queued", deaths) if deaths < 3 else ("failed", 2))
    assert "died 3 times" in job.message


def test_a_job_whose_dispatcher_was_killed_is_found_still_at_work(
    alone: Workspace, hands: Dispatcher
) -> None:
    job_id = jobs.start(alone, embedding())
    hands.step()
    until(lambda: state(alone, job_id) == "running")
    child = hands.children.pop(job_id)
    other = Dispatcher(alone, Spawner())
    assert other.step()
    assert not other.children
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: child.poll() is not None)
    other.step()
    assert [*other.children] == [job_id]  # its process is dead, so it is restarted
    other.hand_back()


def test_what_is_stopped_stays_stopped_and_its_process_ends(alone: Workspace, hands: Dispatcher) -> None:
    running, waiting = (jobs.start(alone, embedding(n)) for n in range(2))
    hands.step()
    until(lambda: state(alone, running) == "running")
    for job_id in (waiting, running):
        jobs.cancel(alone, job_id)
        assert state(alone, job_id) == "cancelled"
    until(lambda: hands.children[running].poll() is not None)
    assert not hands.step()
    with pytest.raises(table.JobLost):
        table.report_progress(alone, running, 0.5, "late")
    assert worker.main(str(alone.home), waiting) == NOT_TAKEN


def test_handed_back_jobs_wait_without_a_strike(alone: Workspace, hands: Dispatcher) -> None:
    job_id = jobs.start(alone, embedding())
    hands.step()
    until(lambda: state(alone, job_id) == "running")
    hands.hand_back()
    job = jobs.job(alone, job_id)
    assert job is not None
    assert (job.state, job.attempts, job.alive) == ("queued", 0, False)


def test_jobs_of_others_are_counted_and_not_shown(alone: Workspace) -> None:
    his, hers = Workspace(alone.home, "him"), Workspace(alone.home, "her")
    first, second = jobs.start(his, embedding()), jobs.start(hers, embedding())
    shared = jobs.start(alone, LayoutJob([]))
    assert {j.id for j in jobs.jobs(hers)} == {second, shared}
    assert jobs.job(hers, first) is None
    assert jobs.jobs_ahead(hers, jobs.jobs(hers)[1]) == 1
    jobs.cancel(hers, first)
    assert state(his, first) == "queued"
    with pytest.raises(Refused, match="started by somebody else"):
        jobs.cancel(hers, shared)


def test_an_upload_is_kept_for_a_resume_and_deleted_at_the_end(alone: Workspace, tmp_path: Path) -> None:
    upload = alone.home / "uploads" / "x"
    for source in (upload, tmp_path / "own"):
        source.mkdir(parents=True)
        job_id = jobs.start(alone, ImportJob(str(source), source.name))
        job = table.take(alone, job_id)
        assert job is not None
        table.requeue_or_fail(alone, job)
        assert source.exists()
        jobs.cancel(alone, job_id)
    assert not upload.exists()
    assert (tmp_path / "own").exists()


def test_a_mistake_of_the_program_is_an_incident_and_its_words_stay_out_of_the_log(
    alone: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "Doe, John"

    def broken(*_: object) -> None:
        raise ValueError(words)

    monkeypatch.setattr(EmbedJob, "run", broken)
    monkeypatch.setattr(worker, "_quiet", lambda: None)
    job_id = jobs.start(alone, embedding())
    worker.main(str(alone.home), job_id)
    job = jobs.job(alone, job_id)
    log = (alone.home / "logs" / f"{job_id}.log").read_text()
    assert job is not None
    assert job.message.split("incident ")[1][:8] in log
    assert "in broken" in log
    assert "ValueError" in log
    assert words not in log + job.message


def test_an_import_ends_with_its_report(alone: Workspace, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("study_id,findings,impression\na,one,two\nb,three,four\nc,five,\n")
    request = ImportJob(str(tmp_path / "t.csv"), "mine")
    answers = []
    for _ in range(2):  # the second time, another job has taken the name
        job_id = jobs.start(alone, request)
        subprocess.run([sys.executable, "-m", "suture.workflows.worker", str(alone.home), job_id], check=True)
        job = jobs.job(alone, job_id)
        assert job is not None
        assert job.result is not None
        answers.append((job.state, job.result["taken"], job.result["skipped"], job.result["refused"]))
    assert answers == [("done", 2, {"image_missing": 1}, None), ("failed", 0, {}, "name_taken")]


def test_an_import_that_died_after_its_end_is_done_when_tried_again(alone: Workspace, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("study_id,findings,impression\na,one,two\n")
    job_id = jobs.start(alone, ImportJob(str(tmp_path / "t.csv"), "mine"))
    for death in range(3):
        job = table.take(alone, job_id)
        assert job is not None
        if death == 2:
            own = JobWorkspace(alone.home, job.owner, job.id)
            ImportJob.from_json(job.args).run(own, lambda share, what: None)
        table.requeue_or_fail(alone, job)
    assert (state(alone, job_id), alone.has(COLLECTION, "mine")) == ("failed", True)
    jobs.retry(alone, job_id)
    subprocess.run([sys.executable, "-m", "suture.workflows.worker", str(alone.home), job_id], check=True)
    done = jobs.job(alone, job_id)
    assert done is not None
    assert (done.state, done.message) == ("done", "mine: 1 study taken.")


def test_the_app_starts_one_dispatcher_which_does_the_work_and_ends(workspace: Workspace) -> None:
    demo.make_collection(workspace, lambda what, share: None, studies=12)
    job_id = jobs.start(workspace, EmbedJob("demo", builtin.UNTRAINED, "made"))
    for _ in range(5):
        jobs.wake(workspace)
    mine = [p for p in psutil.Process().children() if str(workspace.home) in p.cmdline()]
    assert len(mine) == 1
    until(lambda: state(workspace, job_id) == "done")
    assert workspace.has(SET, "made")
    mine[0].terminate()


def test_a_dispatcher_without_work_ends(alone: Workspace) -> None:
    Dispatcher(alone).run(idle=0.01)
    assert not jobs.jobs(alone)


def test_a_worker_in_the_foreground_is_alone_and_stops_when_told(workspace: Workspace) -> None:
    command = [sys.executable, "-m", "suture.cli", "worker", "--home", str(workspace.home)]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with (workspace.home / jobs.LOCK_FILE).open("a") as lock:
        until(lambda: not jobs.try_lock(lock.fileno()) or fcntl.flock(lock, fcntl.LOCK_UN))
        second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode == 2
    assert "worker_running" in second.stderr
    first.terminate()
    assert "Stopped." in first.communicate(timeout=60)[1]
    assert first.returncode == 0
