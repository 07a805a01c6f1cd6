"""One line about a record, for lists in the app and the shell."""

from __future__ import annotations

from suture.data.metadata import (
    CaptionerMetadata,
    CheckpointMetadata,
    CollectionMetadata,
    EmbeddingSetMetadata,
    SelectionMetadata,
)
from suture.data.workspace import Record


def describe(record: Record) -> str:
    """One line about the content or origin of a record, depending on its kind."""
    match record.meta:
        case CollectionMetadata() as meta:
            modalities = ", ".join(f"{m.name} ({m.kind})" for m in meta.modalities)
            return f"{meta.n:,} studies: {modalities}. Skipped {sum(meta.report.skipped.values()):,}."
        case EmbeddingSetMetadata() as meta:
            return f"{meta.n:,} studies of {meta.collection or 'no collection'} by {_maker(meta)}."
        case CaptionerMetadata() as meta:
            return f"Writes texts from embeddings of {meta.set}, trained on its {_read(meta)}. Research only."
        case SelectionMetadata() as meta:
            return f"{meta.n:,} studies of {meta.of}, {meta.how}."
        case CheckpointMetadata() as meta:
            return f"From {meta.source or 'a file'}. {' '.join(meta.notes or ())}".strip()
    return ""


def _read(meta: CaptionerMetadata) -> str:
    return {"both": "images and texts"}.get(meta.source, f"{meta.source}s")


def _maker(meta: EmbeddingSetMetadata) -> str:
    """What made the vectors of a set: a checkpoint, with or without an adapter, or the user's encoders."""
    maker = meta.checkpoint or "encoders of your own"
    if not meta.shares_space:
        return f"{maker}: features of separate backbones, to train heads on"
    if meta.adapter is None:
        return maker
    return f"{maker}, adapted by {meta.adapter.method} (fitted on {meta.adapter.fit_split})"
