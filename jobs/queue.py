"""Long work, asked for and looked after: it outlives a tab, a rerun and a restart of the app.

Jobs wait in two lanes, the heavy one and the light one. A dispatcher (`jobs.dispatcher`) takes the
oldest of each and runs it in a process of its own. A job whose process has died is taken up again and
goes on from what it has published; the third death fails it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
import uuid
from typing import Any

from suture.data.errors import Refused
from suture.data.workspace import Workspace
from suture.jobs import table
from suture.jobs.table import ACTIVE, Job, State, queue

__all__ = [
    "ACTIVE",
    "STOPPED",
    "Job",
    "again",
    "cancel",
    "job",
    "jobs",
    "mine",
    "place",
    "said",
    "start",
    "wake",
]
STOPPED: tuple[State, ...] = ("failed", "cancelled")
LOCK = "dispatcher.lock"
DEFAULT_HEAVY = 1


def start(workspace: Workspace, kind: str, args: dict[str, Any]) -> str:
    """Queue a job for the workspace's owner, and see to it that it is run; returns its id.

    The same job that is still active is returned instead. Kinds: `suture.workflows.job_kinds`.
    """
    rooms()
    for known in jobs(workspace, active=True):
        if (known.kind, known.args, known.owner) == (kind, args, workspace.owner):
            wake(workspace)
            return known.id
    job_id, now = uuid.uuid4().hex, time.time()
    with workspace.transaction() as db:
        db.execute(
            "INSERT INTO jobs (id, kind, args, state, created, heartbeat, owner) VALUES (?,?,?,?,?,?,?)",
            (job_id, kind, json.dumps(args), "queued", now, now, workspace.owner),
        )
    wake(workspace)
    return job_id


def rooms() -> dict[str, int]:
    """How many jobs of each lane run at a time. `Refused` where SUTURE_HEAVY_JOBS is no number."""
    asked = os.environ.get("SUTURE_HEAVY_JOBS", "") or str(DEFAULT_HEAVY)
    if not (asked.isdecimal() and 1 <= int(asked) <= 64):
        raise Refused("setting_invalid", f"SUTURE_HEAVY_JOBS must be a number from 1 to 64, got {asked!r}.")
    return {"heavy": int(asked), "light": 1}


def wake(workspace: Workspace) -> None:
    """Start a dispatcher if there is work and none is there. Cheap: pages call it whenever they look."""
    if not queue(workspace):
        return
    with (workspace.home / LOCK).open("a") as lock:
        if not held(lock.fileno()):
            return
        subprocess.Popen(  # it inherits the lock, so that there is never a second one
            [sys.executable, "-P", "-m", "suture.jobs.dispatcher", str(workspace.home), str(lock.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


def held(lock: int) -> bool:
    """Lock an open file, which frees itself when its last holder ends; False if somebody has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def jobs(workspace: Workspace, *, active: bool = False) -> list[Job]:
    """The owner's jobs and those of all, newest first; at most 100."""
    query = "SELECT * FROM jobs WHERE owner IN ('', ?) ORDER BY created DESC, rowid DESC LIMIT 100"
    with workspace.read() as db:
        found = [table.of_row(row) for row in db.execute(query, (workspace.owner,))]
    return [j for j in found if j.state in ACTIVE] if active else found


def job(workspace: Workspace, job_id: str) -> Job | None:
    """One job of the owner's or of all, or None."""
    query = "SELECT * FROM jobs WHERE id=? AND owner IN ('', ?)"
    with workspace.read() as db:
        row = db.execute(query, (job_id, workspace.owner)).fetchone()
    return table.of_row(row) if row else None


def place(workspace: Workspace, waiting: Job) -> int:
    """How many jobs, of whomever, come before one that waits; 0 = it is the next, or does not wait."""
    lane = [j for j in queue(workspace) if j.lane == waiting.lane]
    order = [j.id for j in sorted(lane, key=lambda j: j.state != "running")]  # stable: then the oldest
    return order.index(waiting.id) if waiting.state == "queued" and waiting.id in order else 0


def said(workspace: Workspace, job: Job) -> str:
    """The words beside a job's bar: what it does, or how many come before it."""
    before = place(workspace, job)
    if before:
        return f"Waiting for {before} other {'job' if before == 1 else 'jobs'}"
    return job.message or "Starting (a few seconds)"


def mine(workspace: Workspace, job: Job) -> bool:
    """Whether the workspace's owner may stop a job."""
    return job.owner == workspace.owner


def cancel(workspace: Workspace, job_id: str) -> None:
    """Stop a job, waiting or at work; what it has published stays and a later run goes on from there.

    `Refused` if it is somebody else's.
    """
    asked = _own(workspace, job_id)
    if asked is not None:
        table.stop(workspace, asked, "Stopped by the user.")


def again(workspace: Workspace, job_id: str) -> None:
    """Queue a job that was stopped or failed once more; it knows what it has made already.

    `Refused` if it is somebody else's.
    """
    if _own(workspace, job_id) is not None:
        table.revive(workspace, job_id)
        wake(workspace)


def _own(workspace: Workspace, job_id: str) -> Job | None:
    asked = job(workspace, job_id)
    if asked is not None and not mine(workspace, asked):
        raise Refused("not_yours", "This job was started by somebody else. Only they can stop or repeat it.")
    return asked
