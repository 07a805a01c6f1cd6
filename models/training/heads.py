"""Heads on an embedding set or on features of different widths: trained on one split, scored on another.

For training the features are centred and scaled by one number (of the fit split), which keeps what each
dimension weighs; what comes out works on the features as they are, with both folded into the first layer.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import nn

from suture.analysis.posthoc.heads import Heads as HeadArrays
from suture.data.collection import GROUP, SPLIT
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.workspace import SET, Workspace, check_name, embedding_sets
from suture.models.adapters import FILE, Adapted, clean_splits, packed, provenance, refuse_adapted
from suture.models.losses import config as objectives
from suture.models.training import record
from suture.models.training.batches import VectorSource, set_keys
from suture.models.training.config import VALIDATION_NAMES, TrainingConfig, check
from suture.models.training.loop import Fit, Report, start_fabric
from suture.models.training.networks import Heads
from suture.models.training.probe import Probe, pick
from suture.models.training.record import History
from suture.models.training.step import Loss

DEFAULTS = TrainingConfig(
    collection="a set", start="features", epochs=30, batch=256, learning_rate=1e-3, weight_decay=0.1
)


@dataclass(frozen=True)
class Shape:
    """dim of the shared space; hidden units (0 = one linear map); dropout before the last layer."""

    dim: int = 256
    hidden: int = 512
    dropout: float = 0.5


def adapt_heads(
    workspace: Workspace,
    set_name: str,
    *,
    config: TrainingConfig = DEFAULTS,
    shape: Shape | None = None,
    fit_split: str = "train",
    val_split: str = "",
    score_split: str = "test",
    name: str = "",
    report: Report | None = None,
) -> Adapted:
    """Train heads on one split and publish the whole set, mapped, as a set of its own.

    config     objective and budget; its collection, start and splits are not looked at
    val_split  chooses the epoch (mean R@10); "" = val, validation, valid or dev

    Raises `NotFound` for an unknown set or split, and `Refused` as `suture.models.adapters.adapt` does.
    """
    shape = shape or Shape()
    source = workspace.record(SET, set_name)
    whole = embedding_sets.load(workspace, set_name)
    name = name or f"{set_name} + heads {config.preset} s{config.seed}"
    check_name(name)
    workspace.refuse_taken(SET, name)
    refuse_adapted(source)
    free = clean_splits(whole, fit_split, score_split)
    val_split = val_split or next((n for n in VALIDATION_NAMES if n in free and n != score_split), "")
    if val_split not in free or val_split == score_split:
        raise Refused(
            "val_unusable",
            f"Heads need a validation split that shares no group with {fit_split!r} and is not "
            f"{score_split!r}, to choose the epoch. Got {val_split or 'none'!r}; usable: "
            f"{', '.join(s for s in free if s != score_split) or 'none'}.",
        )
    config = _checked(config, whole, set_name, fit_split, val_split)
    content = f"{config.key()}:{source.fingerprint}:{asdict(shape)}:heads"
    place = record.folder(workspace, hashlib.sha256(content.encode()).hexdigest()[:24])
    workspace.parts(place, source)
    with FileLock(place.with_suffix(".lock")):
        adapter, history = _train(whole, config, shape, place, report or (lambda share, text: None))
        clean = [s for s in free if s != val_split]  # the epoch was chosen on it
        made = provenance(source, adapter, fit_split, score_split, clean, 1.0)
        assert made.adapter is not None
        fit = replace(
            made.adapter,
            objective=asdict(config.objective),
            preset=config.preset,
            shape=asdict(shape),
            seed=config.seed,
            val_split=val_split,
            epoch=history.best,
        )
        made = replace(made, adapter=fit, dim=shape.dim, dims=None, comparable=True)
        extra = {
            FILE: packed({**adapter.to_arrays(), "strength": np.asarray(1.0)}),
            record.HISTORY: json.dumps(history.to_json()).encode(),
        }
        vectors = adapter.apply(whole.vectors)
        embedding_sets.save(workspace, name, vectors, whole.rows, made, extra=extra)
        shutil.rmtree(place, ignore_errors=True)
    return Adapted(name, fit_split, adapter.n_fit, score_split)


def _checked(
    config: TrainingConfig, whole: EmbeddingSet, set_name: str, fit_split: str, val_split: str
) -> TrainingConfig:
    """The config with anchor, splits and a batch that fits."""
    texts = [m for m in whole.modalities if (whole.key(m) != "").any()]
    anchor = config.objective.anchor or (texts[0] if texts else whole.modalities[-1])
    objective = replace(config.objective, anchor=anchor)
    objectives.check(objective, whole.modalities)
    chosen = (whole.rows[SPLIT] == fit_split).to_numpy()
    empty = [m for m in whole.modalities if not (whole.present(m) & chosen).any()]
    if empty:
        message = f"No study of {fit_split!r} has a {empty[0]}. Import the features without it."
        raise Refused("modality_empty", message)
    rows = int((_usable(whole) & chosen).sum())
    config = replace(
        config,
        collection=set_name,
        start="features",
        objective=objective,
        fit_splits=(fit_split,),
        val_split=val_split,
    )
    check(config)
    if rows < config.batch:
        raise Refused(
            "batch_too_large",
            f"A batch of {config.batch:,} needs as many studies; {fit_split!r} has {rows:,} with two "
            f"modalities. Use a smaller batch.",
        )
    return config


def _usable(whole: EmbeddingSet) -> np.ndarray:
    return np.stack([whole.present(m) for m in whole.modalities]).sum(axis=0) > 1


def _train(
    whole: EmbeddingSet, config: TrainingConfig, shape: Shape, place: Path, report: Report
) -> tuple[HeadArrays, History]:
    usable, splits = _usable(whole), whole.rows[SPLIT].to_numpy(dtype=str)
    fit = np.flatnonzero(usable & (splits == config.fit_splits[0]))
    scale = {m: _scale(np.asarray(x)[fit]) for m, x in whole.vectors.items()}
    scaled = {m: (np.asarray(x) - scale[m][0]) / scale[m][1] for m, x in whole.vectors.items()}
    present = np.stack([whole.present(m) for m in whole.modalities])
    source = VectorSource(scaled, present, set_keys(whole))
    torch.manual_seed(config.seed)
    network = Heads({m: x.shape[1] for m, x in scaled.items()}, config, **asdict(shape))
    validation = pick(np.flatnonzero(usable & (splits == config.val_split)), config.probe, seed=config.seed)
    if len(validation) < 2:
        raise Refused("val_empty", f"The split {config.val_split!r} has fewer than 2 usable studies.")
    groups = whole.rows[GROUP].to_numpy(dtype=str)[validation]
    history = Fit(
        start_fabric(config.precision, "cpu"),
        network,
        source,
        fit,
        Loss(config.objective, whole.modalities.index(config.objective.anchor)),
        config,
        Probe(source, validation, groups),
        place,
        {},
        report,
    ).run()
    layers = {m: _folded(network.heads[i], scale[m]) for i, m in enumerate(whole.modalities)}
    arrays = {f"{name}:{m}": value for m, own in layers.items() for name, value in own.items()}
    return HeadArrays(tuple(whole.modalities), arrays, config.preset, len(fit)), history


def _scale(x: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of each feature over the rows that are there, and their root mean square about it."""
    there = x[(x != 0).any(axis=1)].astype(np.float64)
    if not len(there):
        raise Refused("modality_empty", "A modality has no rows in the fit split. Leave it out.")
    mean = there.mean(axis=0)
    return mean, max(float(np.sqrt(np.square(there - mean).mean())), 1e-6)


def _folded(network: nn.Module, scale: tuple[np.ndarray, float]) -> Mapping[str, np.ndarray]:
    """A head's layers, acting on features as they are."""
    found = {}
    linear = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(linear):
        weight = layer.weight.detach().cpu().double().numpy().T
        bias = layer.bias.detach().cpu().double().numpy()
        if number == 0:
            mean, deviation = scale
            weight = weight / deviation
            bias = bias - mean @ weight
        found[f"weight{number}"], found[f"bias{number}"] = weight, bias
    return found
