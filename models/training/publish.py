"""Publish a finished run as a checkpoint with its history, snapshots and manifest."""

from __future__ import annotations

import os
import platform
import shutil
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor

from suture.data.collection import STUDY_ID
from suture.data.metadata import CheckpointMetadata, TrainingMetadata
from suture.data.workspace import CHECKPOINT, Workspace
from suture.models.checkpoints.architecture import TABULAR_WEIGHTS, WEIGHTS
from suture.models.checkpoints.weights_file import write_weights
from suture.models.losses import config as objectives
from suture.models.training import record
from suture.models.training.plan import TrainingPlan
from suture.models.training.probe import sample_rows
from suture.models.training.record import History

OWN_FILES = (record.HISTORY, record.MANIFEST, record.PROBE, record.STEPS_CSV, record.EPOCHS_CSV)


@dataclass(frozen=True)
class TrainedWeights:
    """Weights of the open_clip model, of the tabular network if there is one, and the history."""

    state: dict[str, Tensor]
    tabular: dict[str, Tensor] | None
    history: History


def describe_run(plan: TrainingPlan, rows: np.ndarray) -> dict[str, Any]:
    """What pages need to show a run, besides its numbers."""
    table = plan.collection.table.iloc[rows]
    return {
        "name": plan.config.label,
        "config": plan.config.to_json(),
        "manifest": {"config_key": plan.config.key(), "collection": plan.collection.name},
        "modalities": [m.name for m in plan.modalities],
        "studies": table[STUDY_ID].astype(str).tolist(),
        "rows": {label: table[label].astype(str).tolist() for label in plan.collection.labels},
    }


def publish(
    workspace: Workspace, plan: TrainingPlan, place: Path, outcome: TrainedWeights, fabric: Fabric
) -> None:
    history = outcome.history
    described = describe_run(plan, sample_rows(plan.validation, plan.config.probe, seed=plan.config.seed))
    manifest = run_manifest(plan, history, fabric)
    with workspace.staging() as folder:
        for file in plan.start.files:
            if file not in (WEIGHTS, *OWN_FILES):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(plan.start.path(file), folder / file)
        write_weights(outcome.state, folder)
        if outcome.tabular is not None:
            save_file(outcome.tabular, folder / TABULAR_WEIGHTS)
        content = {**described, "manifest": manifest, "history": history.to_json()}
        record.write_files(folder, content)
        shots = {
            str(record.epoch_of(p)): np.load(p, allow_pickle=False) for p in sorted(place.glob("probe-*.npy"))
        }
        np.savez(folder / record.PROBE, **shots)
        workspace.publish(CHECKPOINT, plan.config.label, folder, checkpoint_meta(plan, history, manifest))


def checkpoint_meta(plan: TrainingPlan, history: History, manifest: dict[str, Any]) -> CheckpointMetadata:
    config = plan.config
    what = objectives.DESCRIPTIONS.get(config.preset, config.preset)
    note = (
        f"Trained here, {config.preset}: {what} Start {config.start!r}"
        f"{' (architecture only)' if config.init == 'random' else ''}, {len(plan.fit):,} studies of "
        f"{config.collection!r} ({', '.join(config.fit_splits)}), epoch {history.best} of {config.epochs}, "
        f"seed {config.seed}."
    )
    return CheckpointMetadata(
        source=f"trained on {config.collection}",
        notes=[note],
        run_key=plan.key,
        training=TrainingMetadata(
            preset=config.preset,
            collection_id=plan.source.id,
            fit_splits=list(config.fit_splits),
            start=config.start,
            seed=config.seed,
        ),
        versions=manifest["versions"],
    )


def run_manifest(plan: TrainingPlan, history: History, fabric: Fabric) -> dict[str, Any]:
    packages = ("torch", "open_clip_torch", "timm", "lightning-fabric", "numpy")
    cuda = torch.cuda.get_device_name() if fabric.device.type == "cuda" else ""
    return {
        "config": plan.config.to_json(),
        "config_key": plan.config.key(),
        "collection": plan.collection.name,
        "collection_hash": plan.source.fingerprint,
        "start_hash": plan.start.fingerprint,
        "n_fit": len(plan.fit),
        "n_validation": len(plan.validation),
        "synthetic": plan.collection.synthetic,
        "best_epoch": history.best,
        "steps": history.step,
        "wall_seconds": round(history.seconds, 1),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "hardware": {
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": cuda or str(fabric.device),
            "processes": fabric.world_size,
        },
        "versions": {p: version(p) for p in packages},
    }
