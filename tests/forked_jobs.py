"""Jobs in processes forked from one that has imported everything: real processes without their start-up.

Suture starts a dispatcher, and the dispatcher a new Python for each job, which imports torch for seconds.
Tests of what a job does, and of pages that wait for one, need the process but not the start; tests of the
dispatcher itself (test_jobs, test_kills) and those with a browser start everything as a user's machine does.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from multiprocessing import spawn
from unittest import mock

from suture import jobs
from suture.data.workspace import Workspace
from suture.jobs.dispatcher import Dispatcher
from suture.jobs.table import Job, queue

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["__main__", "tests.jobs.preloaded"])
IDLE = 1.0
STARTING = threading.Lock()


class Forked:
    """A process of a job, as the dispatcher wants it."""

    def __init__(self, workspace: Workspace, job: Job, room: int) -> None:
        args = (str(workspace.home), job.id, dict(os.environ))
        self.process = FORK.Process(target=_work, args=args, daemon=True)
        with STARTING, mock.patch.object(spawn, "get_preparation_data", _preparation_data):
            self.process.start()
        self.pid = self.process.pid or 0

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self.process.exitcode


def _preparation_data(
    name: str, of_any: Callable[[str], dict[str, object]] = spawn.get_preparation_data
) -> dict[str, object]:
    """What a process starts from, without the main module: in tests of pages that is the page."""
    return {key: value for key, value in of_any(name).items() if not key.startswith("init_main")}


def _work(home: str, job_id: str, environment: dict[str, str]) -> None:
    import torch

    from suture.workflows import worker

    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    os._exit(worker.main(home, job_id))


def wake(workspace: Workspace) -> None:
    """`suture.jobs.wake` with a dispatcher that is a thread of this process."""
    if not queue(workspace):
        return
    lock = (workspace.home / jobs.LOCK_FILE).open("a")
    if not jobs.try_lock(lock.fileno()):
        lock.close()
        return

    def serve() -> None:
        with lock:
            Dispatcher(Workspace(workspace.home), Forked).run(IDLE)
            fcntl.flock(lock, fcntl.LOCK_UN)
        if workspace.home.is_dir():
            wake(workspace)  # for a job that was queued while the lock was still held

    threading.Thread(target=serve, daemon=True).start()
