"""Embed a collection with a checkpoint, shard by shard, in this process or on a Ray cluster.

A killed run resumes from its last published shard and produces the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from suture.data.collections import storage
from suture.data.embedding_set import identity_rows
from suture.data.errors import Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import (
    COLLECTION,
    SET,
    EmbeddingSetRecord,
    Record,
    Workspace,
    check_name,
    embedding_sets,
)
from suture.models.checkpoints import registry
from suture.models.checkpoints.encoders import load_encoders
from suture.models.embedding.resumable_shards import (
    BATCH,
    EmbeddingTask,
    Progress,
    ShardEncoder,
    encode_locally,
)

if TYPE_CHECKING:
    from suture.models.embedding.ray_engine import Cluster

PACKAGES = ("torch", "open_clip_torch", "numpy", "pillow")  # the vectors depend on these versions


@dataclass(frozen=True)
class EmbeddingRun:
    """Result of an embedding run. `reused`: nothing had changed, so nothing was computed.

    truncated: modality -> number of distinct texts that were longer than the context.
    """

    name: str
    reused: bool
    n: int
    truncated: dict[str, int]


def embed(
    workspace: Workspace,
    collection_name: str,
    checkpoint_name: str,
    *,
    name: str = "",
    device: str = "auto",
    batch: int = BATCH,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
) -> EmbeddingRun:
    """Embed every modality that the checkpoint has an encoder for.

    name      name of the embedding set; default "<collection> @ <checkpoint>" (as "x @ y")
    cluster   Ray cluster to encode on; None = this process
    progress  called with (items done, total items, modality)

    Raises `NotFound` for unknown names and `Refused` if another set has the name.
    """
    collection = storage.load(workspace, collection_name)
    source = workspace.record(COLLECTION, collection_name)
    weights = registry.ensure(workspace, checkpoint_name)
    name = name or default_name(collection_name, checkpoint_name)
    check_name(name)
    parts = _parts_folder(workspace, source, weights)
    with FileLock(parts.with_suffix(".lock")):  # a second run of the same pair waits for the first
        done = _unchanged(workspace, name, source, weights)
        if done is not None:
            shutil.rmtree(parts, ignore_errors=True)  # left over if a process died just after saving
            return EmbeddingRun(name, True, len(collection), dict(done.meta.truncated or {}))
        workspace.refuse_taken(SET, name)
        kinds = registry.kinds(weights)
        work = EmbeddingTask(collection, registry.width(weights), kinds, parts)
        _refuse_unpaired(work, checkpoint_name)
        rows = len(collection) * len(work.modalities)
        workspace.require_space(2 * rows * work.dim * 4)  # float32, once as shards and once as the set
        workspace.parts(parts, source, weights)
        publish = _engine(cluster)
        engine = publish(work, source, weights, device=device, batch=batch, progress=progress)
        vectors, truncated = work.assemble()
        meta = EmbeddingSetMetadata(
            n=len(collection),
            collection=collection.name,
            collection_id=source.id,
            collection_hash=source.fingerprint,
            checkpoint=weights.name,
            checkpoint_id=weights.id,
            checkpoint_hash=weights.fingerprint,
            batch=batch,
            versions={p: version(p) for p in PACKAGES},
            synthetic=collection.synthetic,
            dim=work.dim,
            truncated=truncated,
            engine=engine,
        )
        embedding_sets.save(workspace, name, vectors, identity_rows(collection), meta)
        shutil.rmtree(parts, ignore_errors=True)
    return EmbeddingRun(name, False, len(collection), truncated)


def default_name(collection: str, checkpoint: str) -> str:
    """The default name of an embedding set."""
    return f"{collection} @ {checkpoint}"


def _unchanged(workspace: Workspace, name: str, source: Record, weights: Record) -> EmbeddingSetRecord | None:
    if not workspace.has(SET, name):
        return None
    record = workspace.record(SET, name)
    same = record.meta.collection_hash == source.fingerprint
    return record if same and record.meta.checkpoint_hash == weights.fingerprint else None


def _parts_folder(workspace: Workspace, source: Record, weights: Record) -> Path:
    key = hashlib.sha256(f"{source.fingerprint}:{weights.fingerprint}".encode()).hexdigest()[:32]
    return workspace.home / "parts" / key


def _refuse_unpaired(work: EmbeddingTask, checkpoint: str) -> None:
    if len(work.modalities) < 2:
        names = ", ".join(f"{m.name} ({m.kind})" for m in work.collection.modalities)
        raise Refused(
            "modalities_missing",
            f"A gap needs two modalities that {checkpoint!r} can embed; it has encoders for "
            f"{', '.join(work.kinds)}, the collection has {names}.",
        )


def _engine(cluster: Cluster | None) -> Callable[..., dict[str, Any]]:
    """The function that publishes the shards of a task and returns metadata about the engine."""
    if cluster is None:
        return _here
    from suture.models.embedding import ray_engine

    return partial(ray_engine.publish, cluster)


def _here(
    work: EmbeddingTask,
    source: Record,
    weights: Record,
    *,
    device: str,
    batch: int,
    progress: Progress | None,
) -> dict[str, Any]:
    checkpoint = load_encoders(weights, device=device)
    encode_locally(work, ShardEncoder(checkpoint, storage.pack_of_record(source), batch), progress)
    return {"name": "local"}
