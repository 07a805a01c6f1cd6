"""Train heads on an embedding set, or on features of separate backbones, and publish the mapped set."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, replace

import numpy as np
from filelock import FileLock

from suture.data.collection import SPLIT
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.scoring_rules import clean_splits, refuse_adapted
from suture.data.splits import named_split, validation_split
from suture.data.workspace import SET, Workspace, check_name, embedding_sets
from suture.models.losses.config import check as check_objective
from suture.models.training import record
from suture.models.training.config import TrainingConfig, check
from suture.models.training.heads import HeadShape, train_heads, usable_studies
from suture.models.training.loop import Report
from suture.workflows.adapters import FILE, AdaptedSet, npz_bytes, provenance

DEFAULTS = TrainingConfig(
    collection="a set", start="features", epochs=30, batch=256, learning_rate=1e-3, weight_decay=0.1
)


def adapt_heads(
    workspace: Workspace,
    set_name: str,
    *,
    config: TrainingConfig = DEFAULTS,
    shape: HeadShape | None = None,
    fit_split: str = "train",
    val_split: str = "",
    score_split: str = "test",
    name: str = "",
    report: Report | None = None,
) -> AdaptedSet:
    """Train heads on one split, map the whole set with them, and publish the result as a new set.

    config     objective and budget; its collection, start and splits are ignored
    val_split  chooses the epoch (mean R@10); "" = val, validation, valid or dev

    Raises `NotFound` for an unknown set or split, and `Refused` as `suture.workflows.adapters.adapt` does.
    """
    shape = shape or HeadShape()
    source = workspace.record(SET, set_name)
    whole = embedding_sets.load(workspace, set_name)
    name = name or f"{set_name} + heads {config.preset} s{config.seed}"
    check_name(name)
    workspace.refuse_taken(SET, name)
    refuse_adapted(source)
    fit_split, score_split = (named_split(s, whole.splits()) for s in (fit_split, score_split))
    clean = clean_splits(whole, fit_split, score_split)
    val_split = named_split(val_split, clean) or validation_split(clean, leave=[score_split])
    if val_split not in clean or val_split == score_split:
        raise Refused(
            "val_unusable",
            f"Heads need a validation split that shares no group with {fit_split!r} and is not "
            f"{score_split!r}, to choose the epoch. Got {val_split or 'none'!r}; usable: "
            f"{', '.join(s for s in clean if s != score_split) or 'none'}.",
        )
    config = _completed(config, whole, set_name, fit_split, val_split)
    content = f"{config.key()}:{source.fingerprint}:{asdict(shape)}:heads"
    folder = record.run_folder(workspace, hashlib.sha256(content.encode()).hexdigest()[:24])
    workspace.parts(folder, source)
    with FileLock(folder.with_suffix(".lock")):
        adapter, history = train_heads(whole, config, shape, folder, report or (lambda share, text: None))
        unseen = [s for s in clean if s != val_split]  # the epoch was chosen on the validation split
        meta = provenance(source, adapter, fit_split, score_split, unseen, 1.0)
        assert meta.adapter is not None
        fitted = replace(
            meta.adapter,
            objective=asdict(config.objective),
            preset=config.preset,
            shape=asdict(shape),
            seed=config.seed,
            val_split=val_split,
            epoch=history.best,
        )
        meta = replace(meta, adapter=fitted, dim=shape.dim, dims=None, comparable=True)
        extra = {
            FILE: npz_bytes({**adapter.to_arrays(), "strength": np.asarray(1.0)}),
            record.HISTORY: json.dumps(history.to_json()).encode(),
        }
        vectors = adapter.apply(whole.vectors)
        embedding_sets.save(workspace, name, vectors, whole.rows, meta, extra=extra)
        shutil.rmtree(folder, ignore_errors=True)
    return AdaptedSet(name, fit_split, adapter.n_fit, score_split)


def _completed(
    config: TrainingConfig, whole: EmbeddingSet, set_name: str, fit_split: str, val_split: str
) -> TrainingConfig:
    """The config with its set, anchor and splits filled in; `Refused` if it cannot be trained on this set."""
    texts = [m for m in whole.modalities if (whole.key(m) != "").any()]
    anchor = config.objective.anchor or (texts[0] if texts else whole.modalities[-1])
    objective = replace(config.objective, anchor=anchor)
    check_objective(objective, whole.modalities)
    in_fit = (whole.rows[SPLIT] == fit_split).to_numpy()
    empty = [m for m in whole.modalities if not (whole.present(m) & in_fit).any()]
    if empty:
        message = f"No study of {fit_split!r} has a {empty[0]}. Import the features without it."
        raise Refused("modality_empty", message)
    count = int((usable_studies(whole) & in_fit).sum())
    config = replace(
        config,
        collection=set_name,
        start="features",
        objective=objective,
        fit_splits=(fit_split,),
        val_split=val_split,
    )
    check(config)
    if count < config.batch:
        raise Refused(
            "batch_too_large",
            f"A batch of {config.batch:,} needs as many studies; {fit_split!r} has {count:,} with two "
            f"modalities. Use a smaller batch.",
        )
    return config
