"""Checkpoints by name. Whatever they came from, in the workspace they are one thing: an open_clip
config, safetensors, and the small files that its towers and tokenizer need. So they work offline.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch
from safetensors.torch import load_file

from suture.data.errors import Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import (
    CHECKPOINT,
    CheckpointRecord,
    Record,
    Workspace,
)
from suture.models import builtin
from suture.models.checkpoints import architecture
from suture.models.checkpoints.add_checkpoint import TABULAR_CONFIG, TABULAR_WEIGHTS, add, versions
from suture.models.checkpoints.architecture import CONFIG, WEIGHTS
from suture.models.checkpoints.device import pick_device
from suture.models.checkpoints.encoders import Checkpoint, Encoder, ImageEncoder, TabularEncoder, TextEncoder
from suture.models.checkpoints.sources import Source, hub_access, recognise
from suture.models.checkpoints.weights import write_weights

__all__ = [
    "TABULAR_CONFIG",
    "TABULAR_WEIGHTS",
    "Source",
    "add",
    "ensure",
    "hub_access",
    "kinds",
    "load",
    "model_of",
    "name_of",
    "opened",
    "recognise",
    "width",
    "write_weights",
]


def load(workspace: Workspace, name: str, *, device: str = "auto", fresh: bool = False) -> Checkpoint:
    """The encoders of a checkpoint of the workspace, or of a built-in one.

    fresh = its architecture with new weights, drawn from torch's global generator.
    """
    return opened(ensure(workspace, name), device=device, fresh=fresh)


def opened(record: Record, *, device: str = "auto", fresh: bool = False) -> Checkpoint:
    """As `load`, from a record: the workspace's index is not asked."""
    where = pick_device(device)
    config = json.loads(record.path(CONFIG).read_text())
    model = architecture.instantiate(config, record.folder)
    if not fresh:
        model.load_state_dict(load_file(record.path(WEIGHTS)), strict=False)
    model.to(where).eval()
    dim = width(record)
    encoders: dict[Any, Encoder] = {
        "image": ImageEncoder(model, architecture.transform(config), dim, where),
        "text": TextEncoder(model, architecture.tokenizer(config, record.folder), dim, where),
    }
    if TABULAR_CONFIG in record.files:
        encoders["tabular"] = _tabular(record, dim, where)
    return Checkpoint(record.name, encoders, dim, record.fingerprint)


def kinds(record: Record) -> list[str]:
    """Kinds of modality that a checkpoint has encoders for, without loading it."""
    return ["image", "text", *(["tabular"] if TABULAR_CONFIG in record.files else [])]


def width(record: Record) -> int:
    """Of a checkpoint's space, without loading it."""
    return int(json.loads(record.path(CONFIG).read_text())["model_cfg"]["embed_dim"])


def model_of(checkpoint: Checkpoint) -> Any:
    """The open_clip model behind the encoders of a loaded checkpoint."""
    encoder = checkpoint.encoders["image"]
    assert isinstance(encoder, ImageEncoder)
    return encoder.model


def name_of(workspace: Workspace, provenance: EmbeddingSetMetadata) -> str:
    """Present name of the checkpoint that made a set, also after it was renamed.

    `Refused` when it is gone, or its weights are not those that made the set.
    """
    for record in workspace.records(CHECKPOINT):
        same = record.id == provenance.checkpoint_id
        if same and record.fingerprint == provenance.checkpoint_hash:
            return record.name
    raise Refused(
        "checkpoint_gone",
        f"The checkpoint {provenance.checkpoint!r} that made these vectors is not here any more.",
    )


def ensure(workspace: Workspace, name: str) -> CheckpointRecord:
    """The record of a checkpoint; a built-in one is put into the workspace on first use."""
    if not workspace.has(CHECKPOINT, name) and name in builtin.NAMES:
        with workspace.staging() as folder:
            builtin.write(name, folder)
            meta = replace(builtin.metadata(name), versions=versions())
            try:
                return workspace.publish(CHECKPOINT, name, folder, meta)
            except Refused:  # another process was first
                pass
    return workspace.record(CHECKPOINT, name)


def _tabular(record: Record, dim: int, device: torch.device) -> TabularEncoder:
    encoder = TabularEncoder(json.loads(record.path(TABULAR_CONFIG).read_text()), dim, device)
    encoder.network.load_state_dict(load_file(record.path(TABULAR_WEIGHTS)))
    return encoder
