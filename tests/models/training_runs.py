"""Helpers of training tests: a tiny collection, a short run on it, and commands run in a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from suture.data.collection import Collection
from suture.data.collections import storage
from suture.data.metadata import ImportReport
from suture.data.workspace import CHECKPOINT, COLLECTION, Workspace
from suture.models import builtin
from suture.models.checkpoints.architecture import WEIGHTS
from suture.models.training.config import TrainingConfig, from_mapping

ROOT = Path(__file__).parents[2]
NAME = "tiny"
SHORT = {
    "collection": NAME,
    "start": builtin.UNTRAINED,
    "batch": 16,
    "epochs": 1,
    "probe": 16,
    "learning_rate": 1e-3,
    "objective": {"preset": "clip-fixed", "temperature_start": 0.07, "atp": 1.0, "cu": 1.0},
}


def asked(**changes: Any) -> TrainingConfig:
    """The config of a run with few steps, with changes."""
    return from_mapping({**SHORT, **changes})


def variant(workspace: Workspace, name: str, change: Callable[[Collection], Collection]) -> None:
    """Publish a changed copy of the tiny collection under another name."""
    made = change(storage.load(workspace, NAME))
    made = Collection(name, made.table, made.modalities, made.labels, made.synthetic, made.notes)
    pack = workspace.record(COLLECTION, NAME)
    with workspace.staging() as staged:
        for file in ("images.bin", "images.npy"):
            shutil.copyfile(pack.path(file), staged / file)
        storage.publish(workspace, made, staged, report=ImportReport())


def digest(workspace: Workspace, name: str) -> str:
    """SHA-256 of the weights of a checkpoint."""
    return workspace.record(CHECKPOINT, name).files[WEIGHTS][1]


def left(workspace: Workspace) -> tuple[list[str], list[str]]:
    """Names of checkpoints, and folders of unfinished runs."""
    names = [r.name for r in workspace.records(CHECKPOINT) if r.name not in builtin.NAMES]
    return names, [p.name for p in (workspace.home / "parts").glob("train-*") if p.is_dir()]


def shell(
    home: Path, arguments: Sequence[str], *, processes: int = 1, node: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Run `suture ...` in one process, or in several with torchrun; `node` = torchrun's node options."""
    many = [*(node or ["--standalone"]), "--nproc-per-node", str(processes)]
    run = ["-m", "torch.distributed.run", *many, "-m", "--"]
    command = [sys.executable, *(run if processes > 1 or node else ["-m"]), "suture.cli", *arguments]
    # one thread: a different order of summation would change the last bits
    environment = {**os.environ, "SUTURE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
