"""Start, follow and stop long work, which outlives a tab, a rerun and a restart of the app.

Jobs wait in two lanes, heavy and light. A dispatcher (`suture.jobs.dispatcher`) takes the oldest of each lane
and runs it in a process of its own. A job whose process has died is queued again and goes on from what it
has published; the third death fails it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
import uuid

from suture.data.errors import Refused
from suture.data.workspace import Workspace
from suture.jobs import table
from suture.jobs.job_kind import JobKind, State
from suture.jobs.table import ACTIVE, Job, queue

STOPPED: tuple[State, ...] = ("failed", "cancelled")
LOCK_FILE = "dispatcher.lock"
DEFAULT_HEAVY = 1


def start(workspace: Workspace, request: JobKind) -> str:
    """Queue a job for the workspace's owner and see to it that it runs; returns its id.

    If the owner has the same job active, its id is returned instead. `Refused` for arguments of a wrong type.
    """
    lane_capacity()
    kind, args = request.kind, request.to_json()
    request.from_json(args)
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


def lane_capacity() -> dict[str, int]:
    """How many jobs of each lane run at a time. `Refused` where SUTURE_HEAVY_JOBS is no number."""
    asked = os.environ.get("SUTURE_HEAVY_JOBS", "") or str(DEFAULT_HEAVY)
    if not (asked.isdecimal() and 1 <= int(asked) <= 64):
        raise Refused("setting_invalid", f"SUTURE_HEAVY_JOBS must be a number from 1 to 64, got {asked!r}.")
    return {"heavy": int(asked), "light": 1}


def wake(workspace: Workspace) -> None:
    """Start a dispatcher if there is work and none runs. Cheap: pages call it on every run."""
    if not queue(workspace):
        return
    with (workspace.home / LOCK_FILE).open("a") as lock:
        if not try_lock(lock.fileno()):
            return
        subprocess.Popen(  # it inherits the lock, so that there is never a second one
            [sys.executable, "-P", "-m", "suture.jobs.dispatcher", str(workspace.home), str(lock.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
            start_new_session=True,
        )


def try_lock(lock: int) -> bool:
    """Lock an open file until its last holder ends; False if another process has it locked."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def jobs(workspace: Workspace, *, active: bool = False) -> list[Job]:
    """The owner's jobs and those of everybody, newest first; at most 100."""
    query = "SELECT * FROM jobs WHERE owner IN ('', ?) ORDER BY created DESC, rowid DESC LIMIT 100"
    with workspace.read() as db:
        found = [table.of_row(row) for row in db.execute(query, (workspace.owner,))]
    return [j for j in found if j.state in ACTIVE] if active else found


def job(workspace: Workspace, job_id: str) -> Job | None:
    """One job of the owner's or of everybody; None if there is none."""
    query = "SELECT * FROM jobs WHERE id=? AND owner IN ('', ?)"
    with workspace.read() as db:
        row = db.execute(query, (job_id, workspace.owner)).fetchone()
    return table.of_row(row) if row else None


def jobs_ahead(workspace: Workspace, waiting: Job) -> int:
    """How many jobs, of all users, come before one that waits; 0 = it is the next, or does not wait."""
    lane = [j for j in queue(workspace) if j.lane == waiting.lane]
    order = [j.id for j in sorted(lane, key=lambda j: j.state != "running")]  # stable: then the oldest
    return order.index(waiting.id) if waiting.state == "queued" and waiting.id in order else 0


def status_text(workspace: Workspace, job: Job) -> str:
    """The words beside a job's progress bar: what it does, or how many jobs come before it."""
    ahead = jobs_ahead(workspace, job)
    if ahead:
        return f"Waiting for {ahead} other {'job' if ahead == 1 else 'jobs'}"
    return job.message or "Starting (a few seconds)"


def may_stop(workspace: Workspace, job: Job) -> bool:
    """Whether the workspace's owner may stop a job."""
    return job.owner == workspace.owner


def cancel(workspace: Workspace, job_id: str) -> None:
    """Stop a job that waits or runs; what it has published stays, and `retry` goes on from there.

    `Refused` if it is somebody else's.
    """
    asked = _own(workspace, job_id)
    if asked is not None:
        table.stop(workspace, asked, "Stopped by the user.")


def retry(workspace: Workspace, job_id: str) -> None:
    """Queue a job that was stopped or failed again; it goes on from what it has published.

    `Refused` if it is somebody else's.
    """
    if _own(workspace, job_id) is not None:
        table.restart(workspace, job_id)
        wake(workspace)


def _own(workspace: Workspace, job_id: str) -> Job | None:
    asked = job(workspace, job_id)
    if asked is not None and not may_stop(workspace, asked):
        raise Refused("not_yours", "This job was started by somebody else. Only they can stop or repeat it.")
    return asked
