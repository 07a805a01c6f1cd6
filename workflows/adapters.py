"""Post-hoc adapters of embedding sets: fitted on one split, applied to the whole set, scored on another."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suture.analysis.posthoc import METHODS, Adapter, fit, heads
from suture.analysis.posthoc.heads import Heads
from suture.data.collection import GROUP
from suture.data.errors import NotFound, Refused
from suture.data.metadata import EmbeddingSetMetadata, FitMetadata
from suture.data.scoring_rules import clean_splits, refuse_adapted, refuse_features, refuse_scoring_on_fit
from suture.data.splits import named_split
from suture.data.vectors.export import write_npz
from suture.data.workspace import SET, EmbeddingSetRecord, Workspace, check_name, embedding_sets

FILE = "adapter.npz"


@dataclass(frozen=True)
class AdaptedSet:
    """A new embedding set: its name, the split it was fitted on, and the split to score it on."""

    name: str
    fit_split: str
    n_fit: int
    score_split: str


def adapt(
    workspace: Workspace,
    set_name: str,
    *,
    method: str,
    fit_split: str = "train",
    score_split: str = "test",
    name: str = "",
    strength: float = 1.0,
    anchor: str = "",
    ridge: float | None = None,
    delta: float | None = None,
    seed: int = 0,
) -> AdaptedSet:
    """Fit a post-hoc method on one split, map the whole set with it, and publish the result as a new set.

    name  default "<set> + <method>"; the other options are those of `suture.analysis.posthoc.fit`

    Raises `NotFound` for an unknown set or split, and `Refused` if the two splits are the same or share
    groups, the set is already adapted, holds raw features, or the name is taken.
    """
    source = workspace.record(SET, set_name)
    whole = embedding_sets.load(workspace, set_name)
    name = name or f"{set_name} + {method}"
    check_name(name)
    workspace.refuse_taken(SET, name)
    refuse_features(whole)
    refuse_adapted(source)
    fit_split, score_split = (named_split(s, whole.splits()) for s in (fit_split, score_split))
    clean = clean_splits(whole, fit_split, score_split)
    refuse_scoring_on_fit(source.meta, score_split)
    part = whole.split(fit_split)
    try:
        options: dict[str, Any] = {"anchor": anchor, "ridge": ridge, "delta": delta, "seed": seed}
        adapter = fit(part.vectors, method, groups=part.rows[GROUP].to_numpy(), **options)
        vectors = adapter.apply(whole.vectors, strength=strength)
    except ValueError as error:
        raise Refused("adapter_unfit", str(error)) from error
    meta = provenance(source, adapter, fit_split, score_split, clean, strength)
    content = npz_bytes({**adapter.to_arrays(), "strength": np.asarray(float(strength))})
    embedding_sets.save(workspace, name, vectors, whole.rows, meta, extra={FILE: content})
    return AdaptedSet(name, fit_split, adapter.n_fit, score_split)


def load_adapter(workspace: Workspace, set_name: str) -> Adapter | Heads | None:
    """The adapter that made a set; None if the set comes from an encoder alone."""
    record = workspace.record(SET, set_name)
    if FILE not in record.files:
        return None
    with np.load(record.path(FILE), allow_pickle=False) as stored:
        arrays = dict(stored)
    return Heads.from_arrays(arrays) if str(arrays["method"]) == heads.METHOD else Adapter.from_arrays(arrays)


def adapt_query(workspace: Workspace, set_name: str, modality: str, vectors: np.ndarray) -> np.ndarray:
    """Map (n, dim) vectors of the source checkpoint into the space of a set; unchanged without an adapter."""
    adapter = load_adapter(workspace, set_name)
    if adapter is None:
        return vectors
    if modality not in adapter.modalities:
        raise NotFound("modality", modality, list(adapter.modalities))
    fitted = workspace.record(SET, set_name).meta.adapter
    return adapter.apply({modality: vectors}, strength=fitted.strength if fitted else 1.0)[modality]


def export_adapter(workspace: Workspace, set_name: str, target: Path) -> Path:
    """Write a set's adapter as a standalone .npz: `Adapter.to_arrays` and `strength`."""
    record = workspace.record(SET, set_name)
    if FILE not in record.files:
        raise Refused("no_adapter", f"{set_name!r} was not made by an adapter. Make one with: suture adapt.")
    with np.load(record.path(FILE), allow_pickle=False) as stored:
        return write_npz(target, dict(stored))


def provenance(
    source: EmbeddingSetRecord,
    adapter: Adapter | Heads,
    fit_split: str,
    score_split: str,
    clean: list[str],
    strength: float,
) -> EmbeddingSetMetadata:
    """Metadata of an adapted set: that of the source set, and a description of the adapter.

    clean  splits that share no group with the fit
    """
    fitted = FitMetadata(
        method=adapter.method,
        title=METHODS[adapter.method].title if isinstance(adapter, Adapter) else "Trained heads",
        fit_split=fit_split,
        score_split=score_split,
        score_splits=clean,
        n_fit=adapter.n_fit,
        anchor=getattr(adapter, "anchor", ""),
        strength=float(strength),
        options=getattr(adapter, "options", {}),
        source_set=source.name,
        source_id=source.id,
        source_hash=source.fingerprint,
    )
    return replace(source.meta, adapter=fitted)


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of an .npz without Python objects."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
