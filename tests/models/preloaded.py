"""What jobs import on their way, imported once in the process that forks them."""
# ruff: noqa: F401

import open_clip
import tensorboardX

from analysis import evaluate
from data import intake, sandbox
from models import embed, results, tasks, worker
from models.training import publish, run
