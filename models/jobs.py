"""Long work in a process of its own that outlives a tab, a rerun and a restart of the app.

The job table says what was asked, how far it is, and when it was last alive. A job whose process is
gone is taken up again; after three deaths it is failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from data.workspace import Workspace

State = Literal["queued", "running", "done", "failed"]
ACTIVE: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True)
class Job:
    """One row of the job table. progress is 0..1."""

    id: str
    kind: str
    args: dict[str, Any]
    state: State
    progress: float
    message: str
    created: float
    heartbeat: float
    alive: bool


def start(workspace: Workspace, kind: str, args: dict[str, Any]) -> str:
    """Queue a job and start its worker; the same job that is already active is returned instead."""
    for job in jobs(workspace, active=True):
        if (job.kind, asked(job)) == (kind, args) and job.alive:
            return job.id
    job_id, now = uuid.uuid4().hex, time.time()
    with workspace.transaction() as db:
        db.execute(
            "INSERT INTO jobs (id, kind, args, state, created, heartbeat) VALUES (?,?,?,?,?,?)",
            (job_id, kind, json.dumps(args), "queued", now, now),
        )
    _spawn(workspace, job_id)
    return job_id


def asked(job: Job) -> dict[str, Any]:
    """What a job was started with, without what was noted since."""
    return {k: v for k, v in job.args.items() if not k.startswith("_")}


def _spawn(workspace: Workspace, job_id: str) -> None:
    log = workspace.home / "logs" / f"{job_id}.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "models.worker", str(workspace.home), job_id],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd=Path(__file__).parents[1],  # where `models` is this one
        )
    started = psutil.Process(process.pid).create_time()
    with workspace.transaction() as db:
        db.execute("UPDATE jobs SET pid=?, pid_started=? WHERE id=?", (process.pid, started, job_id))


def jobs(workspace: Workspace, *, active: bool = False) -> list[Job]:
    """Jobs, newest first."""
    with workspace.read() as db:
        rows = db.execute("SELECT * FROM jobs ORDER BY created DESC LIMIT 100").fetchall()
    found = [
        Job(
            r["id"],
            r["kind"],
            json.loads(r["args"]),
            r["state"],
            r["progress"],
            r["message"],
            r["created"],
            r["heartbeat"],
            _alive(r["pid"], r["pid_started"]) if r["pid"] else time.time() - r["heartbeat"] < 30,
        )
        for r in rows
    ]
    return [j for j in found if j.state in ACTIVE] if active else found


def job(workspace: Workspace, job_id: str) -> Job | None:
    """One job, or None."""
    return next((j for j in jobs(workspace) if j.id == job_id), None)


def _alive(pid: int, started: float | None) -> bool:
    """Whether that very process still runs (a number can be given to another one later)."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - (started or 0)) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def resume_dead(workspace: Workspace) -> int:
    """Start again every active job whose process is gone; returns how many."""
    dead = [j for j in jobs(workspace, active=True) if not j.alive]
    for lost in dead:
        attempts = int(lost.args.get("_attempts", 1))
        if attempts >= 3:
            update(workspace, lost.id, state="failed", message="Its process died three times.")
            continue
        with workspace.transaction() as db:
            args = json.dumps({**lost.args, "_attempts": attempts + 1})
            query = "UPDATE jobs SET args=?, pid=NULL, heartbeat=? WHERE id=? AND args=?"
            mine = db.execute(query, (args, time.time(), lost.id, json.dumps(lost.args))).rowcount
        if mine:  # nobody else took it up meanwhile
            _spawn(workspace, lost.id)
    return len(dead)


def update(workspace: Workspace, job_id: str, **fields: Any) -> None:
    """Set columns of a job and its heartbeat."""
    names = ", ".join(f"{name}=?" for name in fields)
    with workspace.transaction() as db:
        query = f"UPDATE jobs SET {names}, heartbeat=? WHERE id=?"  # names come from our own code
        db.execute(query, (*fields.values(), time.time(), job_id))


def cancel(workspace: Workspace, job_id: str) -> None:
    """Stop a job's process; what it has published stays and a later run goes on from there."""
    with workspace.read() as db:
        row = db.execute("SELECT pid, pid_started FROM jobs WHERE id=?", (job_id,)).fetchone()
    if row and row["pid"] and _alive(row["pid"], row["pid_started"]):
        os.killpg(row["pid"], 15)
    update(workspace, job_id, state="failed", message="Stopped by the user.")
