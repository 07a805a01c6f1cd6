"""Modules that jobs import while running, imported once in the process that forks them."""
# ruff: noqa: F401

import open_clip
import tensorboardX

from suture.analysis import evaluate
from suture.data import intake, sandbox
from suture.models.embedding import embed
from suture.models.training import publish, run
from suture.workflows import evaluate as results
from suture.workflows import job_kinds, worker
