"""Provenance of a set: hashes, versions, splits, truncated texts."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from suture.data.collection import GROUP
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.workspace import SET, Record, Workspace
from suture.workflows.evaluate import maker

PACKAGES = ("suture", "torch", "open_clip_torch", "numpy", "scipy", "scikit-learn", "faiss-cpu", "plotly")


def provenance(workspace: Workspace, whole: EmbeddingSet) -> dict[str, Any]:
    """Everything needed to reproduce the set; no local paths, no patient names."""
    record = workspace.record(SET, whole.name)
    meta, made_by = record.meta, maker(workspace, record.meta)
    source = storage.source_collection(workspace, record)
    notes = source.meta.notes if source else {}
    training = made_by.meta.training.to_json() if made_by and made_by.meta.training else {}
    facts: dict[str, Any] = {
        "embedding set": record.name,
        "fingerprint of the set": record.fingerprint,
        "SHA-256 of the set": {name: sha for name, (_, sha) in sorted(record.files.items())},
        "studies": len(whole),
        "groups": int(whole.rows[GROUP].nunique()),
        "studies by split": {str(s): int((whole.rows["split"] == s).sum()) for s in whole.splits()},
        "how it was split": notes.get("split"),
        "seed of the collection": notes.get("seed"),
        "modalities and dimensions": {m: int(v.shape[1]) for m, v in whole.vectors.items()},
        "collection": meta.collection,
        "fingerprint of the collection": meta.collection_hash,
        "SHA-256 of the collection": _files(source),
        "checkpoint": meta.checkpoint,
        "fingerprint of the checkpoint": meta.checkpoint_hash,
        "SHA-256 of the checkpoint": _files(made_by),
        "checkpoint trained on": {
            k: training[k] for k in ("collection", "fit_splits", "seed") if k in training
        },
        "texts longer than the context, cut": meta.truncated,
        "batch": meta.batch,
        "embedded with": meta.versions,
        "adapter": meta.adapter.to_json() if meta.adapter else None,
    }
    return {name: value for name, value in facts.items() if value not in (None, "", {})}


def _files(record: Record | None) -> dict[str, str]:
    return {name: sha for name, (_, sha) in sorted(record.files.items())} if record else {}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect the numbers."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
