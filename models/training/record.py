"""History and snapshots of a training run. Read without torch.

During a run its folder holds `progress.json` (history so far) and `probe-<epoch>.npy`; afterwards the
checkpoint's record holds `history.json`, `probe.npz`, `manifest.json`, `steps.csv` and `epochs.csv`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from suture.analysis.text_tables import csv_text
from suture.data.workspace import CHECKPOINT, Record, Workspace, write_atomically

PROGRESS, HISTORY, MANIFEST, PROBE = "progress.json", "history.json", "manifest.json", "probe.npz"
STEPS_CSV, EPOCHS_CSV = "steps.csv", "epochs.csv"
MOST_SNAPSHOTS = 60
MOST_STEPS = 600  # points of a curve


@dataclass
class History:
    """steps   one row per logged step: step, epoch, loss, its parts, temperature, learning_rate
    epochs     one row per epoch, 0 = before training: epoch, step, probe metrics, guards (messages)
    seconds    training time over all resumes; best = epoch whose weights are kept
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    step: int = 0
    total: int = 0
    seconds: float = 0.0
    best: int = 0

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class TrainingRun:
    """A run as a page shows it. snapshots: epoch -> modality -> (n_probe, dim) float16."""

    name: str
    config: dict[str, Any]
    history: History
    studies: list[str]
    modalities: list[str]
    rows: dict[str, list[str]]
    snapshots: dict[int, dict[str, np.ndarray]]
    done: bool
    manifest: dict[str, Any]


def run_folder(workspace: Workspace, key: str) -> Path:
    """Working folder of a run; deleted a week after its last change."""
    return workspace.home / "parts" / f"train-{key}"


def write_progress(place: Path, about: dict[str, Any], history: History) -> None:
    """Publish the history so far, for the Train page."""
    content = json.dumps({**about, "history": history.to_json()})
    write_atomically(place / PROGRESS, content.encode())


def unfinished_runs(workspace: Workspace) -> list[TrainingRun]:
    """Unfinished runs, newest first, including stopped ones that can be resumed."""
    places = sorted(_places(workspace), key=_written, reverse=True)
    return [run for p in places if _written(p) and (run := _read(p)) is not None]


def any_active(workspace: Workspace, *, seconds: float = 60.0) -> bool:
    """Whether any run, even one started from a shell, published progress in the last `seconds`."""
    return any(time.time() - _written(place) < seconds for place in _places(workspace))


def _places(workspace: Workspace) -> list[Path]:
    """Working folders of runs, except those of other users."""
    hidden = workspace.others_parts()
    return [p for p in (workspace.home / "parts").glob("train-*") if p.name not in hidden]


def _written(place: Path) -> float:
    """When a run last published its progress; 0 if it has not yet, or its folder is gone."""
    try:
        return (place / PROGRESS).stat().st_mtime
    except OSError:
        return 0.0


def _read(place: Path) -> TrainingRun | None:
    try:
        about = json.loads((place / PROGRESS).read_text())
        modalities = about["modalities"]
        snapshots = {
            epoch_of(path): dict(zip(modalities, np.load(path, allow_pickle=False), strict=True))
            for path in sorted(place.glob("probe-*.npy"))
        }
    except (OSError, ValueError, KeyError):  # just deleted, or a run of heads, which no page shows
        return None
    return _run(about, snapshots, done=False)


def epoch_of(path: Path) -> int:
    """The epoch of a snapshot file."""
    return int(path.stem.rpartition("-")[2])


def finished_run(workspace: Workspace, name: str) -> TrainingRun:
    """The run that made a checkpoint. `KeyError` for a checkpoint that was not trained here."""
    record = workspace.record(CHECKPOINT, name)
    about = json.loads(record.path(HISTORY).read_text())
    with np.load(record.path(PROBE), allow_pickle=False) as stored:
        stacks = {int(epoch): stored[epoch] for epoch in stored.files}
    snapshots = {e: dict(zip(about["modalities"], z, strict=True)) for e, z in sorted(stacks.items())}
    return _run({**about, "name": name}, snapshots, done=True)


def trained_checkpoints(workspace: Workspace) -> list[Record]:
    """Checkpoints that were trained here, newest first."""
    return [r for r in workspace.records(CHECKPOINT) if HISTORY in r.files][::-1]


def _run(about: dict[str, Any], snapshots: dict[int, dict[str, np.ndarray]], *, done: bool) -> TrainingRun:
    history = History(**about["history"])
    return TrainingRun(
        about["name"],
        about["config"],
        history,
        about["studies"],
        about["modalities"],
        about["rows"],
        snapshots,
        done,
        about.get("manifest", {}),
    )


def write_files(place: Path, content: dict[str, Any]) -> None:
    """Write the files of a finished run, except its snapshots."""
    (place / HISTORY).write_text(json.dumps(content))
    (place / MANIFEST).write_text(json.dumps(content["manifest"], indent=1))
    (place / STEPS_CSV).write_text(to_csv(content["history"]["steps"]))
    (place / EPOCHS_CSV).write_text(to_csv(content["history"]["epochs"]))


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as CSV, columns in order of appearance."""
    names = [*dict.fromkeys(name for row in rows for name in row)]
    return csv_text([{name: row.get(name) for name in names} for row in rows])
