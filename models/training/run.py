"""Collection + checkpoint + config -> a new checkpoint, with its history, snapshots and manifest."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import shutil
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor

from data import store
from data.collection import GROUP, SPLIT, STUDY_ID, Collection, Modality
from data.errors import NotFound, Refused
from data.splits import held_back
from data.workspace import BUILT_IN, CHECKPOINT, COLLECTION, Record, Workspace, check_name
from models import registry
from models.architecture import WEIGHTS
from models.encoders import Checkpoint, TabularEncoder
from models.losses import config as objectives
from models.training import record
from models.training.batches import Source, StudySource, VectorSource
from models.training.config import VALIDATION_NAMES, TrainingConfig, check
from models.training.features import cached_features
from models.training.loop import Fit, Report, last_temperature, start_fabric
from models.training.networks import Network, Projections, Towers
from models.training.record import History
from models.training.step import Loss
from models.training.watch import Probe, pick

OWN_FILES = (record.HISTORY, record.MANIFEST, record.PROBE, record.STEPS_CSV, record.EPOCHS_CSV)


@dataclass(frozen=True)
class Trained:
    """What a run came to. reused = this very run had been done before and nothing was computed."""

    name: str
    reused: bool
    history: History


@dataclass(frozen=True)
class Plan:
    """A checked config with all that it names looked up; making one trains nothing.

    fit, validation  rows of the collection
    """

    config: TrainingConfig
    collection: Collection
    source: Record
    start: Record
    modalities: tuple[Modality, ...]
    anchor: int
    fit: np.ndarray
    validation: np.ndarray
    key: str


@dataclass(frozen=True)
class Outcome:
    """Weights of the open_clip model, of the tabular network if there is one, and the history."""

    state: dict[str, Tensor]
    tabular: dict[str, Tensor] | None
    history: History


def plan(workspace: Workspace, config: TrainingConfig) -> Plan:
    """Check everything that can be checked before work starts; `Refused` or `NotFound` says what is wrong."""
    check(config)
    collection = store.load(workspace, config.collection)
    source = workspace.record(COLLECTION, config.collection)
    start = registry.ensure(workspace, config.start)
    check_name(config.label)
    if config.label in BUILT_IN:
        raise Refused("name_taken", f"{config.label!r} comes with Suture. Choose another name (--name).")
    modalities = _modalities(collection, config, registry.kinds(start))
    names = [m.name for m in modalities]
    anchor = config.objective.anchor or next((m.name for m in modalities if m.kind == "text"), names[0])
    objectives.check(replace(config.objective, anchor=anchor), names)
    config = replace(config, objective=replace(config.objective, anchor=anchor))
    if config.train == "heads" and any(m.kind == "tabular" for m in modalities):
        message = "Frozen-feature training covers images and texts. Leave the tabular modality out."
        raise Refused("modalities_missing", message)
    fit, validation = _rows(collection, modalities, config)
    content = f"{config.key()}:{source.fingerprint}:{start.fingerprint}"
    key = hashlib.sha256(content.encode()).hexdigest()[:24]
    return Plan(config, collection, source, start, modalities, names.index(anchor), fit, validation, key)


def train(
    workspace: Workspace, config: TrainingConfig, *, device: str = "auto", report: Report | None = None
) -> Trained:
    """Run to the end and publish the checkpoint; a run that was stopped goes on from its saved state."""
    todo = plan(workspace, config)
    done = _done(workspace, todo)
    if done is not None:
        return done
    fabric = start_fabric(config.precision, device)
    _check_share(todo, fabric)
    place = record.folder(workspace, todo.key)
    first = fabric.is_global_zero  # of several processes the first one locks and publishes
    with FileLock(place.with_suffix(".lock")) if first else nullcontext():
        done = fabric.broadcast(_done(workspace, todo) if first else None)
        if done is not None:
            return done
        place.mkdir(exist_ok=True)
        try:
            outcome = _fit(workspace, todo, fabric, place, report)
        except Refused:
            with suppress(OSError):  # not empty: a run that had begun
                place.rmdir()
            raise
        if first:
            _publish(workspace, todo, place, outcome, fabric)
        fabric.barrier()
        if first:
            shutil.rmtree(place, ignore_errors=True)
    return Trained(config.label, False, outcome.history)


def _done(workspace: Workspace, todo: Plan) -> Trained | None:
    """The finished run of that name, if it is this very run; `Refused` if the name means another."""
    name = todo.config.label
    if not workspace.has(CHECKPOINT, name):
        return None
    made = workspace.record(CHECKPOINT, name)
    if made.meta.get("run_key") != todo.key:
        workspace.refuse_taken(CHECKPOINT, name)
    return Trained(name, True, record.finished(workspace, name).history)


def _fit(workspace: Workspace, todo: Plan, fabric: Fabric, place: Path, report: Report | None) -> Outcome:
    """Train; the weights that come out, under the names of the open_clip model."""
    config = todo.config
    torch.manual_seed(config.seed)
    fresh = config.init == "random"
    checkpoint = registry.load(workspace, config.start, device=str(fabric.device), fresh=fresh)
    model = registry.model_of(checkpoint)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    say = report or (lambda share, message: None)
    source, network = _parts(workspace, todo, checkpoint, place, fabric, say)
    groups = todo.collection.table[GROUP].to_numpy(dtype=str)
    rows = pick(todo.validation, config.probe, seed=config.seed)
    history = Fit(
        fabric,
        network,
        source,
        todo.fit,
        Loss(config.objective, todo.anchor),
        config,
        Probe(source, rows, groups[rows]),
        place,
        _about(todo, rows),
        say,
        workspace.home / "logs" / "tensorboard" / todo.key,
    ).run()
    tabular = getattr(network, "tabular", None)
    state = {**before, **network.weights()}
    if config.objective.temperature != "learnable":
        state["logit_scale"] = torch.full_like(
            state["logit_scale"], -math.log(last_temperature(config.objective))
        )
    return Outcome(state, None if tabular is None else tabular.state_dict(), history)


def _parts(
    workspace: Workspace, todo: Plan, checkpoint: Checkpoint, place: Path, fabric: Fabric, report: Report
) -> tuple[Source, Network]:
    """Where batches come from and what they are fed to: towers, or projections on cached features."""
    kinds = {m.name: m.kind for m in todo.modalities}
    model = registry.model_of(checkpoint)
    whole = todo.config.train == "all"
    pack = store.image_pack(workspace, todo.config.collection)
    augment = whole and todo.config.augment == "light"
    studies = StudySource(todo.collection, pack, todo.modalities, checkpoint.encoders, augment=augment)
    if whole:
        tabular = checkpoint.encoders.get("tabular")
        network = (
            tabular.network if isinstance(tabular, TabularEncoder) and "tabular" in kinds.values() else None
        )
        return studies, Towers(model, kinds, todo.config, network)
    projections = Projections(model, kinds, todo.config)
    rows = np.union1d(todo.fit, todo.validation)
    vectors = cached_features(model, studies, rows, place, fabric, report)
    return VectorSource(vectors, studies.present, studies.keys), projections


def _modalities(collection: Collection, config: TrainingConfig, kinds: Sequence[str]) -> tuple[Modality, ...]:
    known = {m.name: m for m in collection.modalities}
    for name in config.modalities:
        if name not in known:
            raise NotFound("modality", name, [*known])
    wanted = [known[n] for n in dict.fromkeys(config.modalities)] or [*known.values()]
    usable = tuple(m for m in wanted if m.kind in kinds)
    lacking = [m.name for m in wanted if m.kind not in kinds]
    if config.modalities and lacking:
        message = f"{config.start!r} has no encoder for {', '.join(lacking)}; it has {', '.join(kinds)}."
        raise Refused("modalities_missing", message)
    if len(usable) < 2:
        names = ", ".join(f"{m.name} ({m.kind})" for m in wanted)
        raise Refused("modalities_missing", f"Training needs two modalities or more; got {names}.")
    return usable


def _rows(
    collection: Collection, modalities: Sequence[Modality], config: TrainingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Studies with two modalities or more: to fit on, and to validate on."""
    splits = collection.table[SPLIT].to_numpy(dtype=str)
    present = np.stack([collection.present(m) for m in modalities])
    usable = present.sum(axis=0) > 1
    for name in (*config.fit_splits, *([config.val_split] if config.val_split else [])):
        if name not in splits:
            raise NotFound("split", name, [*dict.fromkeys(splits)])
    chosen = np.isin(splits, config.fit_splits)
    for row, modality in zip(present, modalities, strict=True):
        if not row[chosen].any():
            raise Refused(
                "modality_empty",
                f"No study of {', '.join(config.fit_splits)} has a {modality.name}: all of them are empty. "
                f"Choose other splits, or leave {modality.name} out (--modality).",
            )
    left = [n for n in VALIDATION_NAMES if n in splits and n not in config.fit_splits]
    val = config.val_split or (left[0] if left else "")
    if val in config.fit_splits:
        raise Refused("val_is_fit", f"{val!r} is trained on, so it cannot choose the epoch. Name another.")
    back = splits == val
    if not val:  # no validation split: one group in ten is held back from training
        back = chosen & held_back(collection.table[GROUP], seed=config.seed)
    groups = collection.table[GROUP].to_numpy(dtype=str)
    back &= ~np.isin(groups, groups[chosen & ~back])  # a patient on both sides would choose the epoch
    fit, validation = np.flatnonzero(chosen & usable & ~back), np.flatnonzero(back & usable)
    if len(fit) < config.batch:
        raise Refused(
            "batch_too_large",
            f"A batch of {config.batch:,} needs as many studies; {', '.join(config.fit_splits)} has "
            f"{len(fit):,} with two modalities. Use a smaller batch.",
        )
    if len(validation) < 2:
        raise Refused(
            "val_empty",
            f"The validation split {val or 'held back'!r} has fewer than 2 usable studies of patients or "
            f"cases that are not trained on.",
        )
    return fit, validation


def _check_share(todo: Plan, fabric: Fabric) -> None:
    if todo.config.batch % fabric.world_size:
        raise Refused(
            "batch_not_divisible",
            f"A batch of {todo.config.batch} cannot be shared by {fabric.world_size} processes. "
            f"Use a multiple of {fabric.world_size}.",
        )
    share = todo.config.batch // fabric.world_size
    if todo.config.accumulate > share:
        raise Refused(
            "config_invalid",
            f"accumulate ({todo.config.accumulate}) cannot divide {share} studies, the share of one of "
            f"{fabric.world_size} processes. Use {share} or less.",
        )


def _about(todo: Plan, rows: np.ndarray) -> dict[str, Any]:
    """What pages need to draw a run, besides its numbers."""
    table = todo.collection.table.iloc[rows]
    return {
        "name": todo.config.label,
        "config": todo.config.to_json(),
        "manifest": {"config_key": todo.config.key(), "collection": todo.collection.name},
        "modalities": [m.name for m in todo.modalities],
        "studies": table[STUDY_ID].astype(str).tolist(),
        "rows": {label: table[label].astype(str).tolist() for label in todo.collection.labels},
    }


def _publish(workspace: Workspace, todo: Plan, place: Path, outcome: Outcome, fabric: Fabric) -> None:
    history = outcome.history
    about = _about(todo, pick(todo.validation, todo.config.probe, seed=todo.config.seed))
    manifest = _manifest(todo, history, fabric)
    with workspace.staging() as folder:
        for file in todo.start.files:
            if file not in (WEIGHTS, *OWN_FILES):
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(todo.start.path(file), folder / file)
        registry.write_weights(outcome.state, folder)
        if outcome.tabular is not None:
            save_file(outcome.tabular, folder / registry.TABULAR_WEIGHTS)
        content = {**about, "manifest": manifest, "history": history.to_json()}
        record.write(folder, content)
        shots = {str(record.epoch_of(p)): np.load(p) for p in sorted(place.glob("probe-*.npy"))}
        np.savez(folder / record.PROBE, **shots)
        workspace.publish(CHECKPOINT, todo.config.label, folder, _meta(todo, history, manifest))


def _meta(todo: Plan, history: History, manifest: dict[str, Any]) -> dict[str, Any]:
    config = todo.config
    what = objectives.DESCRIPTIONS.get(config.preset, config.preset)
    note = (
        f"Trained here, {config.preset}: {what} Start {config.start!r}"
        f"{' (architecture only)' if config.init == 'random' else ''}, {len(todo.fit):,} studies of "
        f"{config.collection!r} ({', '.join(config.fit_splits)}), epoch {history.best} of {config.epochs}, "
        f"seed {config.seed}."
    )
    return {
        "source": f"trained on {config.collection}",
        "notes": [note],
        "run_key": todo.key,
        "training": {
            "preset": config.preset,
            "collection_id": todo.source.id,
            "fit_splits": list(config.fit_splits),
            "start": config.start,
            "seed": config.seed,
        },
        "versions": manifest["versions"],
    }


def _manifest(todo: Plan, history: History, fabric: Fabric) -> dict[str, Any]:
    packages = ("torch", "open_clip_torch", "timm", "lightning-fabric", "numpy")
    cuda = torch.cuda.get_device_name() if fabric.device.type == "cuda" else ""
    return {
        "config": todo.config.to_json(),
        "config_key": todo.config.key(),
        "collection": todo.collection.name,
        "collection_hash": todo.source.fingerprint,
        "start_hash": todo.start.fingerprint,
        "n_fit": len(todo.fit),
        "n_validation": len(todo.validation),
        "synthetic": todo.collection.synthetic,
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
