"""The process that runs one job: `python -m suture.workflows.worker HOME JOB`. See `job_kinds`."""

from __future__ import annotations

import faulthandler
import os
import resource
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from suture.data.errors import Refused, UserError
from suture.data.workspace import Workspace
from suture.jobs import table
from suture.jobs.dispatcher import NOT_TAKEN
from suture.jobs.job_kind import JobResult, JobWorkspace, Report, find_kind
from suture.jobs.table import Job, JobLost

NICE = 10


def main(home: str, job_id: str) -> int:
    """Take the job, run it, and record the result."""
    _quiet()
    job = table.take(Workspace(home), job_id)
    if job is None:
        return NOT_TAKEN
    workspace = JobWorkspace(home, job.owner, job.id)
    with (workspace.home / "logs" / f"{job_id}.log").open("a") as log:
        faulthandler.enable(log)
        _do(workspace, job, log.write)
    return 0


def _quiet() -> None:
    """Private files, no core dumps (they would contain study data), and lower priority than the pages."""
    os.umask(0o077)
    os.nice(NICE)
    if os.getsid(0) == os.getpid():  # Linux autogroups schedule a session as one, whatever its niceness
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _do(workspace: JobWorkspace, job: Job, log: Callable[[str], object]) -> None:
    try:
        done = _run(workspace, job)
    except JobLost:
        return
    except UserError as error:
        log(f"refused: {error.code}\n")
        table.finish(workspace, job, "failed", error.message)
    except Exception as error:
        # The job must end as failed, or the page would wait forever.
        incident = uuid.uuid4().hex[:8]
        log(f"incident {incident}\n{frames(error)}")
        text = f"It stopped with an error of the program, incident {incident}. The job's log tells where."
        table.finish(workspace, job, "failed", text)
    else:
        table.finish(workspace, job, done.state, done.message, dict(done.result))


def _run(workspace: JobWorkspace, job: Job) -> JobResult:
    kind = find_kind(job.kind)
    if kind is None:
        raise Refused("job_unknown", f"This version of Suture knows no job {job.kind!r}. Update Suture.")
    return kind.from_json(job.args).run(workspace, _reporter(workspace, job.id))


def frames(error: BaseException) -> str:
    """The traceback and type of an error, without its message, which may quote the data being read."""
    cause = error.__cause__ or error.__context__
    before = frames(cause) if cause else ""
    return f"{before}{''.join(traceback.format_tb(error.__traceback__))}{type(error).__qualname__}\n"


def _reporter(workspace: Workspace, job_id: str) -> Report:
    """A progress callback that writes at most four times a second."""
    last = 0.0

    def report(share: float, message: str) -> None:
        nonlocal last
        if time.monotonic() - last > 0.25:
            last = time.monotonic()
            table.report_progress(workspace, job_id, share, message)

    return report


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
