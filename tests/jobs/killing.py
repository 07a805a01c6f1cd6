"""Jobs that are killed at seeded moments, in processes forked from one that has imported everything."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from suture import jobs
from suture.data.workspace import Workspace
from suture.jobs import Job, JobKind
from suture.jobs.dispatcher import Dispatcher
from suture.workflows import worker

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["__main__", "tests.jobs.preloaded"])
EVENTS = ("transaction", "rename")


@dataclass(frozen=True)
class Moment:
    """When a process dies: after some seconds, or just before or after the n-th commit or rename."""

    seconds: float = 600
    event: str = ""
    number: int = 0
    before: bool = False


def moment(rng: random.Random, span: float) -> Moment:
    """A random moment: half at any time, half near a commit or rename, which random times rarely hit."""
    if rng.random() < 0.5:
        return Moment(rng.uniform(0, span))
    return Moment(event=rng.choice(EVENTS), number=rng.randrange(8), before=rng.random() < 0.5)


class Forked:
    """A job's process with the interface that the dispatcher expects."""

    def __init__(self, when: Moment, workspace: Workspace, job: Job, room: int) -> None:
        self.process = FORK.Process(target=work, args=(str(workspace.home), job.id, when))
        self.process.start()
        self.pid = self.process.pid or 0
        self.deadline = time.monotonic() + when.seconds

    def poll(self) -> int | None:
        if self.process.exitcode is None and time.monotonic() > self.deadline:
            self.process.kill()
            self.process.join()
        return self.process.exitcode


def work(home: str, job_id: str, when: Moment) -> None:
    """Run a job like the worker, in small shards, so that there are many moments to die at."""
    import torch

    from suture.data.intake import collection_builder
    from suture.models.embedding import resumable_shards

    os.setsid()
    torch.set_num_threads(1)
    resumable_shards.SHARD_SIZE = collection_builder.SHARD_ROWS = 4
    if when.event == "transaction":
        _die_at_commit(when)
    elif when.event == "rename":
        _die_at_rename(when)
    os._exit(worker.main(home, job_id))


def _die_at_commit(when: Moment) -> None:
    plain, turn = Workspace.transaction, count()

    @contextmanager
    def transaction(self: Workspace) -> Iterator[Any]:
        due = next(turn) == when.number
        with plain(self) as db:
            yield db
            _die(due and when.before)
        _die(due)

    Workspace.transaction = transaction  # type: ignore[method-assign]


def _die_at_rename(when: Moment) -> None:
    plain, turn = os.replace, count()

    def replace(source: Path, target: Path) -> None:
        due = next(turn) == when.number
        _die(due and when.before)
        plain(source, target)
        _die(due)

    os.replace = replace  # type: ignore[assignment]


def _die(due: bool) -> None:
    if due:
        os.kill(os.getpid(), signal.SIGKILL)


def run(workspace: Workspace, request: JobKind, when: Moment) -> int:
    """Run a waiting or restarted job in one process. Returns its exit code; -9 = killed."""
    last = next(iter(jobs.jobs(workspace)), None)
    if last and last.state == "failed":  # for the third time
        jobs.retry(workspace, last.id)
    job_id = jobs.start(workspace, request)
    hands = Dispatcher(workspace, partial(Forked, when))  # the one before it is as good as killed
    hands.step()
    child = hands.children[job_id]
    while (code := child.poll()) is None:
        time.sleep(0.002)
    hands.handle_dead()
    return code


def killed(workspace: Workspace, request: JobKind, kills: int, span: float, done: Callable[[], None]) -> int:
    """Kill `kills` processes of a job, restarting it whenever it finishes; `done` checks each finished run.

    Returns how often the job finished, including the last time.
    """
    rng, ends = random.Random(kills), 0
    while True:
        code = run(workspace, request, moment(rng, span) if kills > 0 else Moment())
        kills -= code == -signal.SIGKILL
        last = jobs.jobs(workspace)[0]
        assert code == -signal.SIGKILL or last.state == "done", last.message
        if last.state == "done":
            done()
            ends += 1
            if kills <= 0:
                return ends
