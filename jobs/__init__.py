"""Long work: queued, run by processes of its own, and never lost with a tab or a restart.

job_kind    what a kind of job is; `suture.workflows.job_kinds` declares them
queue       what pages and the command line call: start, follow, cancel, retry
table       the rows of the jobs, as the processes that work on them use them
dispatcher  starts a process for each queued job
"""

from suture.jobs.job_kind import JobKind, JobResult, JobWorkspace, Report
from suture.jobs.queue import (
    LOCK_FILE,
    STOPPED,
    cancel,
    job,
    jobs,
    jobs_ahead,
    lane_capacity,
    may_stop,
    retry,
    start,
    status_text,
    try_lock,
    wake,
)
from suture.jobs.table import ACTIVE, Job

__all__ = [
    "ACTIVE",
    "LOCK_FILE",
    "STOPPED",
    "Job",
    "JobKind",
    "JobResult",
    "JobWorkspace",
    "Report",
    "cancel",
    "job",
    "jobs",
    "jobs_ahead",
    "lane_capacity",
    "may_stop",
    "retry",
    "start",
    "status_text",
    "try_lock",
    "wake",
]
