"""Evaluate embedding sets; results are computed once and cached as derived files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from suture.analysis.evaluate import Evaluation, evaluate, evaluation_from_json
from suture.data.collection import DUPLICATE, GROUP, STUDY_ID
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.scoring_rules import refuse_features, refuse_scoring_on_fit
from suture.data.splits import named_split
from suture.data.workspace import (
    SET,
    CheckpointRecord,
    Record,
    Workspace,
    embedding_sets,
    read_derived,
    write_derived,
)

VERSION = 5  # of the metrics: raise it when a number changes, so that old results are recomputed


def evaluation(
    workspace: Workspace,
    name: str,
    *,
    split: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    extended: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """All metrics of one split of an embedding set; `extended` adds those that the catalogue marks extended.

    The bootstrap replicates are cached too, so that two sets can be compared without another evaluation.

    `NotFound` for an unknown set or split; `Refused` for raw features, which share no space, and for the
    split that an adapter or heads were fitted on.
    """
    record = workspace.record(SET, name)
    chosen = embedding_sets.load(workspace, name)
    split = refuse_measuring(chosen, split)
    which = "full" if extended else "default"
    path = _path(workspace, record, chosen, f"{which}-{{}}-{resamples}-{seed}", split)
    known = read_derived(path)
    if known is not None:
        with np.load(io.BytesIO(known), allow_pickle=False) as stored:
            measured_as = json.loads(str(stored["record"]))
            return evaluation_from_json({**measured_as, "set": name}, stored["replicates"])
    result = measure(
        chosen, split=split, resamples=resamples, seed=seed, extended=extended, progress=progress
    )
    buffer = io.BytesIO()
    np.savez(buffer, record=np.array(json.dumps(result.to_json())), replicates=result.replicates())
    write_derived(path, buffer.getvalue())
    return result


def measure(
    embeddings: EmbeddingSet,
    *,
    split: str = "all",
    resamples: int = 1000,
    seed: int = 0,
    extended: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> Evaluation:
    """As `evaluation`, for a set in memory and without a cache. Replicates are float32, as in the cache.

    `NotFound` and `Refused` as in `evaluation`.
    """
    split = refuse_measuring(embeddings, split)
    result = evaluate(
        embeddings, split=split, resamples=resamples, seed=seed, extended=extended, progress=progress
    )
    return evaluation_from_json(result.to_json(), result.replicates())


def refuse_measuring(embeddings: EmbeddingSet, split: str) -> str:
    """The split as the set calls it.

    `NotFound` for an unknown one; `Refused` for raw features, the split of a fit, and fewer than two pairs.
    """
    if split != "all":
        split = embeddings.find_split(split)
    refuse_features(embeddings)
    refuse_scoring_on_fit(embeddings.provenance, split)
    part = embeddings.split(split)
    if not any(len(part.rows_with(*pair)) > 1 for pair in combinations(part.modalities, 2)):
        raise Refused(
            "too_few_rows", f"A gap needs 2 studies or more that have two modalities; {split!r} has too few."
        )
    return split


def measured(workspace: Workspace, name: str, split: str, *, extended: bool = False) -> bool:
    """Whether the result of `evaluation` with default resamples and seed is cached."""
    chosen, which = embedding_sets.load(workspace, name), "full" if extended else "default"
    return _path(workspace, workspace.record(SET, name), chosen, f"{which}-{{}}-1000-0", split).is_file()


def _path(workspace: Workspace, record: Record, chosen: EmbeddingSet, what: str, split: str) -> Path:
    number = "all" if split == "all" else str(chosen.splits().index(split))
    return workspace.derived(record, f"metrics-v{VERSION}-{what.format(number)}.npz")


def comparable(first: EmbeddingSet, second: EmbeddingSet) -> None:
    """`Refused` unless both sets hold the same modalities of the same studies, in the same order."""
    a, b = first.name, second.name
    ids = [part.rows[STUDY_ID].tolist() for part in (first, second)]
    if ids[0] != ids[1]:
        only = [[*dict.fromkeys(x)] for x in (set(ids[0]) - set(ids[1]), set(ids[1]) - set(ids[0]))]
        shown = "; ".join(
            f"only in {name!r}: {len(mine):,} ({', '.join(sorted(map(str, mine))[:3])})"
            for name, mine in zip((a, b), only, strict=True)
            if mine
        )
        raise Refused(
            "other_studies",
            f"Two sets can be compared over the same studies only. "
            f"{shown or 'The order of the rows differs.'} Embed one collection with both checkpoints.",
        )
    if [*first.vectors] != [*second.vectors]:
        have = [", ".join(part.modalities) for part in (first, second)]
        raise Refused(
            "other_modalities",
            f"Both sets must hold the same modalities. {a!r} has {have[0]}; {b!r} has {have[1]}.",
        )
    _same_answers(first, second)
    for modality in first.modalities:
        differ = int((first.present(modality) != second.present(modality)).sum())
        if differ:
            raise Refused(
                "other_studies",
                f"{differ:,} studies have a {modality} in one of the two sets only, so their numbers would "
                f"be of different studies. Embed one collection with both checkpoints.",
            )


def _same_answers(first: EmbeddingSet, second: EmbeddingSet) -> None:
    """`Refused` unless groups, duplicates, equal texts and shared labels agree between both sets."""
    facts = {
        "groups (patients or cases)": [part.rows[GROUP] for part in (first, second)],
        "duplicate groups": [part.rows[DUPLICATE] for part in (first, second)],
        **{f"texts of {m} that are the same": [p.key(m) for p in (first, second)] for m in first.modalities},
        **{
            f"values of {c}": [p.rows[c] for p in (first, second)] for c in {*first.labels} & {*second.labels}
        },
    }
    for what, columns in facts.items():
        ours, theirs = map(_partition, columns)
        if not np.array_equal(ours, theirs):
            raise Refused(
                "other_rows",
                f"{first.name!r} and {second.name!r} hold the same studies, but their {what} differ, so "
                "their numbers would answer different questions. Embed one collection with both "
                "checkpoints, or import both with the same columns.",
            )


def _partition(values: Any) -> np.ndarray:
    """Number rows by value in order of first occurrence; every "" gets its own number."""
    named = [str(value) or f"\0{number}" for number, value in enumerate(values)]
    return pd.factorize(np.asarray(named, dtype=object))[0]


def maker(workspace: Workspace, provenance: EmbeddingSetMetadata) -> CheckpointRecord | None:
    """The checkpoint that made a set, even if renamed; None if unknown or deleted."""
    return workspace.by_id(provenance.checkpoint_id or "")


def trained_on(workspace: Workspace, name: str, split: str) -> str:
    """A warning when the checkpoint behind a set was trained on studies of this split, else ""."""
    meta = workspace.record(SET, name).meta
    made_by = maker(workspace, meta)
    training = made_by.meta.training if made_by else None
    if training is None:
        return ""
    by_id = training.collection_id is not None
    same = training.collection_id == meta.collection_id if by_id else training.collection == meta.collection
    if not same or named_split(split, training.fit_splits) not in ("all", *training.fit_splits):
        return ""
    splits = ", ".join(training.fit_splits)
    return f"{name!r} was trained on {splits} of these studies. Look at another split for its true scores."
