"""Train a checkpoint on a collection and publish the result with its history, snapshots and manifest."""

from __future__ import annotations

import math
import shutil
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from lightning_fabric import Fabric

from suture.data.collection import GROUP
from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.workspace import CHECKPOINT, Workspace
from suture.models.checkpoints import registry
from suture.models.checkpoints.encoders import Checkpoint, TabularEncoder, open_clip_model
from suture.models.training import record, token_cache
from suture.models.training.batches import BatchSource, StudySource, VectorSource
from suture.models.training.config import TrainingConfig
from suture.models.training.frozen_features import cached_features
from suture.models.training.loop import Report, TrainingLoop, last_temperature, start_fabric
from suture.models.training.networks import Network, Projections, Towers
from suture.models.training.plan import TrainingPlan, plan_training
from suture.models.training.probe import Probe, sample_rows
from suture.models.training.publish import TrainedWeights, describe_run, publish
from suture.models.training.record import History
from suture.models.training.step import BatchLoss

TOKENS, FEATURES = 4 * 77, 4 * 768  # typical bytes per study: tokens, and features of a frozen tower


@dataclass(frozen=True)
class TrainedCheckpoint:
    """Result of a run. reused: the same run had already finished, so nothing was computed."""

    name: str
    reused: bool
    history: History


def train(
    workspace: Workspace, config: TrainingConfig, *, device: str = "auto", report: Report | None = None
) -> TrainedCheckpoint:
    """Train to the end and publish the checkpoint; a stopped run resumes from its saved state."""
    plan = plan_training(workspace, config)
    done = _done(workspace, plan)
    if done is not None:
        return done
    fabric = start_fabric(config.precision, device)
    _check_share(plan, fabric)
    place = record.run_folder(workspace, plan.key)
    first = fabric.is_global_zero  # in a distributed run only rank 0 locks and publishes
    with FileLock(place.with_suffix(".lock")) if first else nullcontext():
        done = fabric.broadcast(_done(workspace, plan) if first else None)
        if done is not None:
            return done
        workspace.require_space(_needed(plan))
        workspace.parts(place, plan.source, plan.start)
        try:
            outcome = _fit(workspace, plan, fabric, place, report)
        except Refused:
            token_cache.delete_tokens(place)
            with suppress(OSError):  # not empty: it holds a run that has started
                place.rmdir()
            raise
        if first:
            publish(workspace, plan, place, outcome, fabric)
        fabric.barrier()
        if first:
            shutil.rmtree(place, ignore_errors=True)
    return TrainedCheckpoint(config.label, False, outcome.history)


def _needed(plan: TrainingPlan) -> int:
    """Estimated bytes: weights, two moments, best weights, result; tokens and features of each study."""
    kinds = [m.kind for m in plan.modalities]
    each = TOKENS * kinds.count("text") + (0 if plan.config.train == "all" else FEATURES * len(kinds))
    return 5 * plan.start.size + each * len(plan.collection)


def _done(workspace: Workspace, plan: TrainingPlan) -> TrainedCheckpoint | None:
    """The result if this run has already finished; `Refused` if its name belongs to a different run."""
    name = plan.config.label
    if not workspace.has(CHECKPOINT, name):
        return None
    made = workspace.record(CHECKPOINT, name)
    if made.meta.run_key != plan.key:
        workspace.refuse_taken(CHECKPOINT, name)
    return TrainedCheckpoint(name, True, record.finished_run(workspace, name).history)


def _fit(
    workspace: Workspace, plan: TrainingPlan, fabric: Fabric, place: Path, report: Report | None
) -> TrainedWeights:
    """Train; returns the resulting weights under the names of the open_clip model."""
    config = plan.config
    torch.manual_seed(config.seed)
    fresh = config.init == "random"
    checkpoint = registry.load(workspace, config.start, device=str(fabric.device), fresh=fresh)
    model = open_clip_model(checkpoint)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    say = report or (lambda share, message: None)
    source, network = _parts(workspace, plan, checkpoint, place, fabric, say)
    groups = plan.collection.table[GROUP].to_numpy(dtype=str)
    rows = sample_rows(plan.validation, config.probe, seed=config.seed)
    history = TrainingLoop(
        fabric,
        network,
        source,
        plan.fit,
        BatchLoss(config.objective, plan.anchor),
        config,
        Probe(source, rows, groups[rows]),
        place,
        describe_run(plan, rows),
        say,
        workspace.home / "logs" / "tensorboard" / plan.key,
    ).run()
    tabular = getattr(network, "tabular", None)
    state = {**before, **network.weights()}
    if config.objective.temperature != "learnable":
        state["logit_scale"] = torch.full_like(
            state["logit_scale"], -math.log(last_temperature(config.objective))
        )
    return TrainedWeights(state, None if tabular is None else tabular.state_dict(), history)


def _parts(
    workspace: Workspace,
    plan: TrainingPlan,
    checkpoint: Checkpoint,
    place: Path,
    fabric: Fabric,
    report: Report,
) -> tuple[BatchSource, Network]:
    """The batch source and the network: towers, or projections on cached features."""
    kinds = {m.name: m.kind for m in plan.modalities}
    model = open_clip_model(checkpoint)
    whole = plan.config.train == "all"
    pack = storage.image_pack(workspace, plan.config.collection)
    augment = whole and plan.config.augment == "light"
    cache = token_cache.cache_tokens(
        storage.blocks(plan.source), plan.modalities, checkpoint.encoders.get("text"), place, fabric
    )
    studies = StudySource(
        plan.collection, pack, plan.modalities, checkpoint.encoders, **vars(cache), augment=augment
    )
    if whole:
        tabular = checkpoint.encoders.get("tabular")
        network = (
            tabular.network if isinstance(tabular, TabularEncoder) and "tabular" in kinds.values() else None
        )
        return studies, Towers(model, kinds, plan.config, network)
    projections = Projections(model, kinds, plan.config)
    rows = np.union1d(plan.fit, plan.validation)
    vectors = cached_features(model, studies, rows, place, fabric, report)
    return VectorSource(vectors, studies.present, studies.keys), projections


def _check_share(plan: TrainingPlan, fabric: Fabric) -> None:
    if plan.config.batch % fabric.world_size:
        raise Refused(
            "batch_not_divisible",
            f"A batch of {plan.config.batch} cannot be shared by {fabric.world_size} processes. "
            f"Use a multiple of {fabric.world_size}.",
        )
    share = plan.config.batch // fabric.world_size
    if plan.config.accumulate > share:
        raise Refused(
            "config_invalid",
            f"accumulate ({plan.config.accumulate}) cannot divide {share} studies, the share of one of "
            f"{fabric.world_size} processes. Use {share} or less.",
        )
