"""Checkpoints of the workspace by name.

The workspace stores every checkpoint in one form, whatever its source: an open_clip config, safetensors, and
the small files that its towers and tokenizer need. So it works offline.
"""

from __future__ import annotations

import json
from dataclasses import replace

from suture.data.errors import Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import (
    CHECKPOINT,
    CheckpointRecord,
    Record,
    Workspace,
)
from suture.models import builtin
from suture.models.checkpoints.add_checkpoint import versions
from suture.models.checkpoints.architecture import CONFIG, TABULAR_CONFIG
from suture.models.checkpoints.encoders import Checkpoint, load_encoders


def load(workspace: Workspace, name: str, *, device: str = "auto", fresh: bool = False) -> Checkpoint:
    """The encoders of a checkpoint of the workspace, or of a built-in one; options as in `load_encoders`."""
    return load_encoders(ensure(workspace, name), device=device, fresh=fresh)


def ensure(workspace: Workspace, name: str) -> CheckpointRecord:
    """The record of a checkpoint; a built-in one is added to the workspace on first use."""
    if not workspace.has(CHECKPOINT, name) and name in builtin.NAMES:
        with workspace.staging() as folder:
            builtin.write(name, folder)
            meta = replace(builtin.metadata(name), versions=versions())
            try:
                return workspace.publish(CHECKPOINT, name, folder, meta)
            except Refused:  # another process was first
                pass
    return workspace.record(CHECKPOINT, name)


def kinds(record: Record) -> list[str]:
    """Kinds of modality that a checkpoint has encoders for, without loading it."""
    return ["image", "text", *(["tabular"] if TABULAR_CONFIG in record.files else [])]


def width(record: Record) -> int:
    """Dimension of a checkpoint's embedding space, without loading it."""
    return int(json.loads(record.path(CONFIG).read_text())["model_cfg"]["embed_dim"])


def name_of(workspace: Workspace, provenance: EmbeddingSetMetadata) -> str:
    """Current name of the checkpoint that made a set, even if it was renamed.

    `Refused` if it is gone, or its weights are not those that made the set.
    """
    for record in workspace.records(CHECKPOINT):
        same = record.id == provenance.checkpoint_id
        if same and record.fingerprint == provenance.checkpoint_hash:
            return record.name
    raise Refused(
        "checkpoint_gone",
        f"The checkpoint {provenance.checkpoint!r} that made these vectors is not here any more.",
    )
