"""Resolve a config against the workspace and check everything that can be checked before training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from suture.data.collection import GROUP, SPLIT, Collection, Modality
from suture.data.collections import storage
from suture.data.errors import NotFound, Refused
from suture.data.splits import named_split, validation_mask, validation_split
from suture.data.workspace import BUILT_IN, COLLECTION, Record, Workspace, check_name
from suture.models.checkpoints import registry
from suture.models.losses import config as objectives
from suture.models.training.config import TrainingConfig, check


@dataclass(frozen=True)
class TrainingPlan:
    """A checked config with everything it names resolved; nothing is trained yet.

    collection       without its texts (`suture.data.collections.storage.load_without_texts`)
    fit, validation  row numbers of the collection
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


def plan_training(workspace: Workspace, config: TrainingConfig) -> TrainingPlan:
    """Check everything that can be checked before training; `Refused` or `NotFound` says what is wrong."""
    check(config)
    source = workspace.record(COLLECTION, config.collection)
    collection = storage.load_without_texts(source)
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
    config = _with_real_splits(config, collection)
    fit, validation = _rows(collection, modalities, config)
    content = f"{config.key()}:{source.fingerprint}:{start.fingerprint}"
    key = hashlib.sha256(content.encode()).hexdigest()[:24]
    return TrainingPlan(
        config, collection, source, start, modalities, names.index(anchor), fit, validation, key
    )


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


def _with_real_splits(config: TrainingConfig, collection: Collection) -> TrainingConfig:
    """The splits as this collection calls them: "train" finds "TRAINING"."""
    splits = [*collection.splits()]
    fit = tuple(named_split(name, splits) for name in config.fit_splits)
    return replace(config, fit_splits=fit, val_split=named_split(config.val_split, splits))


def _rows(
    collection: Collection, modalities: Sequence[Modality], config: TrainingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit on and rows to validate on, all with two modalities or more."""
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
    val = config.val_split or validation_split(splits, leave=config.fit_splits)
    if val in config.fit_splits:
        raise Refused("val_is_fit", f"{val!r} is trained on, so it cannot choose the epoch. Name another.")
    back = splits == val
    if not val:  # no validation split: one group in ten is held back from training
        back = chosen & validation_mask(collection.table[GROUP], seed=config.seed)
    groups = collection.table[GROUP].to_numpy(dtype=str)
    back &= ~np.isin(groups, groups[chosen & ~back])  # drop patients that are also trained on
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
