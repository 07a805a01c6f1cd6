"""The table of jobs, as the processes that work on it see it.

A process writes to a row only while the job is its own: a job that was stopped stays stopped, and a process
that has lost its job learns so when it next reports progress.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from suture.data.workspace import Workspace
from suture.jobs.job_kind import Lane, State, find_kind

ACTIVE: tuple[State, ...] = ("queued", "running")
MAX_DEATHS = 3  # of its processes, then a job fails
UPLOADS = "uploads"  # the workspace's folder of uploaded files
_ACTIVE = "state IN ('queued', 'running')"


@dataclass(frozen=True)
class Job:
    """One row of the table.

    args       arguments, as `JobKind.to_json` gives them
    progress   share that is done, 0 to 1
    message    what it does, or how it ended
    heartbeat  time of its last sign of life (s since 1970)
    attempts   how often its process has died
    pid, born  number and start (s since 1970) of the process that has it, or had it last
    result     what came of it, as JSON holds it
    """

    id: str
    kind: str
    owner: str
    args: dict[str, Any]
    state: State
    progress: float
    message: str
    created: float
    heartbeat: float
    attempts: int
    pid: int | None
    born: float
    result: dict[str, Any] | None

    @property
    def lane(self) -> Lane:
        """Jobs of one lane wait for each other. A kind that this version does not know is heavy."""
        kind = find_kind(self.kind)
        return kind.lane if kind else "heavy"

    @property
    def title(self) -> str:
        """What pages call its kind."""
        kind = find_kind(self.kind)
        return kind.title if kind else self.kind

    @property
    def quiet(self) -> bool:
        """Whether only the page that asked for it shows its end."""
        kind = find_kind(self.kind)
        return bool(kind and kind.quiet)

    @property
    def upload(self) -> Path | None:
        """The upload, or the user's own file or folder, that it reads; None if it reads none."""
        kind = find_kind(self.kind)
        path = self.args.get(kind.upload) if kind else None
        return Path(path) if path else None

    @property
    def alive(self) -> bool:
        """Whether that very process still runs (a number can be given to another one later)."""
        try:
            process = psutil.Process(self.pid) if self.pid else None
            same = process is not None and abs(process.create_time() - self.born) < 1
            return bool(same and process and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


class JobLost(Exception):
    """The job was stopped, or given to another process: the process that gets this must end."""


def of_row(row: sqlite3.Row) -> Job:
    """A row of the table as a job."""
    return Job(
        row["id"],
        row["kind"],
        row["owner"],
        json.loads(row["args"]),
        row["state"],
        row["progress"],
        row["message"],
        row["created"],
        row["heartbeat"],
        row["attempts"],
        row["pid"],
        row["pid_started"] or 0.0,
        json.loads(row["result"]) if row["result"] else None,
    )


def queue(workspace: Workspace) -> list[Job]:
    """Everybody's active jobs, oldest first: for the dispatcher and for counting, not for showing."""
    with workspace.read() as db:
        rows = db.execute(f"SELECT * FROM jobs WHERE {_ACTIVE} ORDER BY created, rowid")  # nosec B608
        return [of_row(row) for row in rows]


def take(workspace: Workspace, job_id: str) -> Job | None:
    """Give a queued job to this process; None if another process has it or it was stopped."""
    me, now = os.getpid(), time.time()
    return _change(
        workspace,
        "state='running', message='Starting (a few seconds)', pid=?, pid_started=?, started=?, heartbeat=?",
        "id=? AND state='queued'",
        (me, psutil.Process(me).create_time(), now, now, job_id),
    )


def report_progress(workspace: Workspace, job_id: str, progress: float, message: str) -> None:
    """Note how far this process is with its job. `JobLost` once the job is no longer its own."""
    values = (progress, message, time.time(), job_id, os.getpid())
    if not _change(
        workspace, "progress=?, message=?, heartbeat=?", "id=? AND state='running' AND pid=?", values
    ):
        raise JobLost(job_id)


def finish(
    workspace: Workspace, ended: Job, state: State, message: str, result: dict[str, Any] | None = None
) -> bool:
    """Note for good how a job ended, unless it ended before or was taken from the process `ended.pid`.

    Its upload is deleted. A process that still works on it is ended.
    """
    return _end(workspace, ended, state, message, "pid IS ?", (ended.pid,), result or {})


def stop(workspace: Workspace, ended: Job, message: str) -> bool:
    """Cancel a job, whichever process has it at this moment."""
    return _end(workspace, ended, "cancelled", message, "1", (), {})


def _end(
    workspace: Workspace,
    ended: Job,
    state: State,
    message: str,
    where: str,
    whose: tuple[Any, ...],
    result: dict[str, Any],
) -> bool:
    values = (state, message, json.dumps(result) if result else None, time.time(), ended.id, *whose)
    was = _change(
        workspace, "state=?, message=?, result=?, heartbeat=?", f"id=? AND {_ACTIVE} AND {where}", values
    )
    if was is None:
        return False
    if was.pid != os.getpid() and was.alive:
        kill(was.pid)
    if was.upload and was.upload.parent == workspace.home / UPLOADS:  # never a path of the user's own
        shutil.rmtree(was.upload, ignore_errors=True)
    return True


def requeue_or_fail(workspace: Workspace, lost: Job) -> None:
    """Queue a job whose process has died again, or fail it at the third death."""
    deaths = lost.attempts + 1
    if deaths < MAX_DEATHS:
        text = f"Its process died ({deaths} of {MAX_DEATHS}); it is taken up again"
        requeue(workspace, lost, text, attempts=deaths)
        return
    text = (
        f"Its process died {MAX_DEATHS} times, perhaps for want of memory. Nothing that was kept is lost; "
        "started again, it goes on from there."
    )
    finish(workspace, lost, "failed", text)


def requeue(workspace: Workspace, job: Job, message: str, *, attempts: int) -> None:
    """Queue a job again, unless its process has changed."""
    values = (message, attempts, job.id, job.pid)
    _change(
        workspace,
        "state='queued', pid=NULL, message=?, attempts=?",
        f"id=? AND {_ACTIVE} AND pid IS ?",
        values,
    )


def _change(workspace: Workspace, change: str, where: str, values: tuple[Any, ...]) -> Job | None:
    """The job after the change; None if the condition did not hold."""
    with workspace.transaction() as db:
        statement = f"UPDATE jobs SET {change} WHERE {where} RETURNING *"  # our own words  # nosec B608
        row = db.execute(statement, values).fetchone()
        return of_row(row) if row else None


def restart(workspace: Workspace, job_id: str) -> bool:
    """Queue a job that was stopped or failed again, behind the others, with no deaths counted."""
    now = time.time()
    return bool(
        _change(
            workspace,
            "state='queued', pid=NULL, attempts=0, progress=0, message='', result=NULL, "
            "created=?, heartbeat=?",
            "id=? AND state IN ('failed', 'cancelled')",
            (now, now, job_id),
        )
    )


def kill(pid: int | None) -> None:
    """End a job's process and all processes that it has started."""
    if pid:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
