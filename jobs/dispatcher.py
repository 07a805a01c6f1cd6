"""The one process that starts the jobs of a workspace; `suture.jobs.queue` starts it, or `suture worker`.

It keeps no state of its own: what waits and what runs is in the table, so the next dispatcher finds the jobs
of one that was killed still running.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

from suture import jobs
from suture.data.errors import Refused
from suture.data.workspace import Workspace
from suture.jobs import table
from suture.jobs.table import Job, queue

IDLE_SECONDS = 10.0  # without work: then a dispatcher that the app has started ends
STEP_SECONDS = 0.2  # between two looks at the table
NOT_TAKEN = 3  # exit code of a process that found its job taken or stopped
WORKER = "suture.workflows.worker"  # stands above this package: started by name
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class Process(Protocol):
    """The part of `subprocess.Popen` that is used."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        ...


Spawn = Callable[[Workspace, Job, int], Process]


class Dispatcher:
    """Runs the oldest jobs of each lane, up to the lane's capacity. `spawn` starts a process."""

    def __init__(self, workspace: Workspace, spawn: Spawn | None = None) -> None:
        self.workspace, self.spawn = workspace, spawn or _spawn
        self.lane_capacity = jobs.lane_capacity()
        self.children: dict[str, Process] = {}

    def run(self, idle: float | None = None) -> None:
        """Start jobs for ever, or until there was no work for `idle` seconds.

        A full disk or a locked table is waited out: nothing can be noted meanwhile.
        """
        last = time.monotonic()
        while self.workspace.home.is_dir() and (idle is None or time.monotonic() - last < idle):
            try:
                if self.step():
                    last = time.monotonic()
            except (sqlite3.Error, Refused):
                time.sleep(1)
            time.sleep(STEP_SECONDS)

    def step(self) -> bool:
        """Handle dead processes, then start as many jobs as may run; whether there is any work."""
        self.handle_dead()
        active = queue(self.workspace)
        for lane, capacity in self.lane_capacity.items():
            of_lane = [j for j in active if j.lane == lane]
            waiting = [j for j in of_lane if j.state == "queued" and j.id not in self.children]
            for job in waiting[: max(0, capacity - len(of_lane) + len(waiting))]:
                self.children[job.id] = self.spawn(self.workspace, job, capacity)
        return bool(active)

    def handle_dead(self) -> None:
        """Queue the jobs whose processes have died again, or fail them at the third death."""
        codes = {job_id: child.poll() for job_id, child in self.children.items()}
        for job in queue(self.workspace):
            own = codes.get(job.id)
            lost = job.state == "running" and not job.alive  # started by an earlier dispatcher
            if own not in (None, NOT_TAKEN) if job.id in codes else lost:
                table.requeue_or_fail(self.workspace, job)
        self.children = {k: child for k, child in self.children.items() if codes[k] is None}

    def hand_back(self) -> None:
        """Queue the jobs of its own processes for the next dispatcher; no death is counted."""
        for job in queue(self.workspace):
            if job.id in self.children:
                table.requeue(self.workspace, job, "", attempts=job.attempts)
        for child in self.children.values():
            table.kill(child.pid)


def _spawn(workspace: Workspace, job: Job, capacity: int) -> subprocess.Popen[bytes]:
    """A process for a job. What libraries print may hold content: it is thrown away."""
    from joblib import cpu_count  # those that this process may use

    share = str(max(1, cpu_count() // capacity))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", WORKER, str(workspace.home), job.id],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, which is ended as one
        env={**dict.fromkeys(THREADS, share), **os.environ},
    )


def serve(workspace: Workspace) -> None:
    """Start jobs in the foreground until stopped. `Refused` if another process does so already."""
    signal.signal(signal.SIGTERM, _interrupt)
    with (workspace.home / jobs.LOCK_FILE).open("a") as lock:
        if not jobs.try_lock(lock.fileno()):
            raise Refused(
                "worker_running",
                "A worker hands out the jobs of this workspace already. One that the app has started ends "
                f"{IDLE_SECONDS:.0f} seconds after its last job; then try again.",
            )
        dispatcher = Dispatcher(workspace)
        try:
            dispatcher.run()
        finally:
            dispatcher.hand_back()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main(home: str, lock: str) -> None:
    """What `suture.jobs.queue.wake` starts: it inherits the lock and ends after a while without work."""
    workspace = Workspace(home)
    Dispatcher(workspace).run(IDLE_SECONDS)
    os.close(int(lock))
    if workspace.home.is_dir():
        jobs.wake(workspace)  # for a job that was queued while the lock was still held


if __name__ == "__main__":
    main(*sys.argv[1:3])
