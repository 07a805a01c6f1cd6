"""One line about a record, for lists in the app and the shell."""

from __future__ import annotations

from typing import Any

from suture.data.workspace import CAPTIONER, COLLECTION, SELECTION, SET, Record


def describe(record: Record) -> str:
    """What a collection holds, what a set was made from and how, where a checkpoint comes from."""
    meta = record.meta
    if record.kind == COLLECTION:
        kinds = ", ".join(f"{m['name']} ({m['kind']})" for m in meta["modalities"])
        return f"{meta['n']:,} studies: {kinds}. Skipped {sum(meta['report']['skipped'].values()):,}."
    if record.kind == SET:
        return f"{meta['n']:,} studies of {meta.get('collection') or 'no collection'} by {_maker(meta)}."
    if record.kind == CAPTIONER:
        return f"Writes texts from embeddings of {meta['set']}, trained on its {_read(meta)}. Research only."
    if record.kind == SELECTION:
        return f"{meta['n']:,} studies of {meta['of']}, {meta['how']}."
    return f"From {meta.get('source', 'a file')}. {' '.join(meta.get('notes', []))}".strip()


def _read(meta: dict[str, Any]) -> str:
    return {"both": "images and texts"}.get(meta["source"], f"{meta['source']}s")


def _maker(meta: dict[str, Any]) -> str:
    """Checkpoint, adapter on top of it, or that the vectors came as they are."""
    maker = meta.get("checkpoint") or "encoders of your own"
    if not meta.get("comparable", True):
        return f"{maker}: features of separate backbones, to train heads on"
    adapter = meta.get("adapter")
    if not adapter:
        return maker
    return f"{maker}, adapted by {adapter['method']} (fitted on {adapter['fit_split']})"
