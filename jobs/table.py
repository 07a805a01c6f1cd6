"""The table of jobs, as the processes that work on it see it.

Whoever writes to a row does so only while the row is still its own: a job that was stopped stays stopped,
and a process that has lost its job learns it at its next word.
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
from typing import Any, Literal

import psutil

from suture.data.workspace import Workspace

State = Literal["queued", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[State, ...] = ("queued", "running")
LIGHT = ("newcomers", "guess")  # kinds that somebody waits for in front of the page
STRIKES = 3
UPLOADS = "uploads"  # the workspace's folder of what was uploaded
_ACTIVE = "state IN ('queued', 'running')"


@dataclass(frozen=True)
class Job:
    """One row. progress is 0..1; result is what the job had to tell, as JSON holds it.

    heartbeat is the time (s) of its last sign of life; attempts counts how often its process has died; pid
    and born (its start, s) tell the process that has it or had it last.
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
    def lane(self) -> str:
        """Jobs of one lane wait for each other: "light" or "heavy"."""
        return "light" if self.kind in LIGHT else "heavy"

    @property
    def alive(self) -> bool:
        """Whether that very process still runs (a number can be given to another one later)."""
        try:
            process = psutil.Process(self.pid) if self.pid else None
            same = process is not None and abs(process.create_time() - self.born) < 1
            return bool(same and process and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


class NotOurs(Exception):
    """The job was stopped, or given to another process: whoever gets this has to end."""


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
    """Make a queued job that of this process; None if another has it, or nobody wants it any more."""
    me, now = os.getpid(), time.time()
    return _change(
        workspace,
        "state='running', message='Starting (a few seconds)', pid=?, pid_started=?, started=?, heartbeat=?",
        "id=? AND state='queued'",
        (me, psutil.Process(me).create_time(), now, now, job_id),
    )


def tell(workspace: Workspace, job_id: str, progress: float, message: str) -> None:
    """How far this process is with its job. `NotOurs` once it is not its job any more."""
    values = (progress, message, time.time(), job_id, os.getpid())
    if not _change(
        workspace, "progress=?, message=?, heartbeat=?", "id=? AND state='running' AND pid=?", values
    ):
        raise NotOurs(job_id)


def finish(
    workspace: Workspace, ended: Job, state: State, message: str, result: dict[str, Any] | None = None
) -> bool:
    """Note for good how a job ended, unless it ended before or was taken from the process `ended.pid`.

    Its upload is let go of. A job that is stopped or given up loses its process too.
    """
    return _end(workspace, ended, state, message, "pid IS ?", (ended.pid,), result or {})


def stop(workspace: Workspace, ended: Job, message: str) -> bool:
    """Cancel a job, whoever has it at this moment."""
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
    source = Path(was.args.get("source") or "/")
    if source.parent == workspace.home / UPLOADS:  # never a path of the user's own
        shutil.rmtree(source, ignore_errors=True)
    return True


def bury(workspace: Workspace, lost: Job) -> None:
    """A job whose process has died waits again, or is failed at the third time."""
    deaths = lost.attempts + 1
    if deaths < STRIKES:
        text = f"Its process died ({deaths} of {STRIKES}); it is taken up again"
        requeue(workspace, lost, text, attempts=deaths)
        return
    text = (
        f"Its process died {STRIKES} times, perhaps for want of memory. Nothing that was kept is lost; "
        "started again, it goes on from there."
    )
    finish(workspace, lost, "failed", text)


def requeue(workspace: Workspace, job: Job, message: str, *, attempts: int) -> None:
    """Let a job wait again, unless its process has changed."""
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


def revive(workspace: Workspace, job_id: str) -> bool:
    """Queue a job that was stopped or failed once more, behind the others, with no death on its record."""
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
    """End a job's process and all that it has started."""
    if pid:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
