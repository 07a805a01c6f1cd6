"""Long work: asked for, queued, run by processes of its own, and never lost with a tab or a restart.

queue       what pages and the shell call: start, look, cancel, again
table       the rows of the jobs, as the processes that work on them see them
dispatcher  hands out queued jobs, each to a process of its own
"""

from suture.jobs.queue import (
    ACTIVE,
    LOCK,
    STOPPED,
    Job,
    again,
    cancel,
    held,
    job,
    jobs,
    mine,
    place,
    rooms,
    said,
    start,
    wake,
)

__all__ = [
    "ACTIVE",
    "LOCK",
    "STOPPED",
    "Job",
    "again",
    "cancel",
    "held",
    "job",
    "jobs",
    "mine",
    "place",
    "rooms",
    "said",
    "start",
    "wake",
]
