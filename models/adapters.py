"""Post-hoc adapters in the workspace: fitted on one split, applied to a whole set, scored on another."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suture.analysis.posthoc import METHODS, Adapter, fit, heads
from suture.analysis.posthoc.heads import Heads
from suture.data.collection import GROUP, SPLIT
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound, Refused
from suture.data.metadata import EmbeddingSetMetadata, FitMetadata
from suture.data.vectors.export import write_npz
from suture.data.workspace import (
    SET,
    EmbeddingSetRecord,
    Workspace,
    check_name,
    embedding_sets,
)

FILE = "adapter.npz"


@dataclass(frozen=True)
class Adapted:
    """A new embedding set: what it is called, what it was fitted on, what it may be scored on."""

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
) -> Adapted:
    """Fit a post-hoc method on one split and publish the whole set, mapped, as a set of its own.

    name  default "<set> + <method>"; the rest as in `suture.analysis.posthoc.fit`

    Raises `NotFound` for an unknown set or split, and `Refused` if the two splits are one, share
    groups, the set is adapted already, holds raw features, or the name is taken.
    """
    source = workspace.record(SET, set_name)
    whole = embedding_sets.load(workspace, set_name)
    name = name or f"{set_name} + {method}"
    check_name(name)
    workspace.refuse_taken(SET, name)
    refuse_features(whole)
    refuse_adapted(source)
    free = clean_splits(whole, fit_split, score_split)
    refuse_scoring_on_fit(source.meta, score_split)
    part = whole.split(fit_split)
    try:
        options: dict[str, Any] = {"anchor": anchor, "ridge": ridge, "delta": delta, "seed": seed}
        adapter = fit(part.vectors, method, groups=part.rows[GROUP].to_numpy(), **options)
        vectors = adapter.apply(whole.vectors, strength=strength)
    except ValueError as error:
        raise Refused("adapter_unfit", str(error)) from error
    meta = provenance(source, adapter, fit_split, score_split, free, strength)
    content = packed({**adapter.to_arrays(), "strength": np.asarray(float(strength))})
    embedding_sets.save(workspace, name, vectors, whole.rows, meta, extra={FILE: content})
    return Adapted(name, fit_split, adapter.n_fit, score_split)


def load_adapter(workspace: Workspace, set_name: str) -> Adapter | Heads | None:
    """The adapter that made a set; None for a set of an encoder alone."""
    record = workspace.record(SET, set_name)
    if FILE not in record.files:
        return None
    with np.load(record.path(FILE), allow_pickle=False) as stored:
        arrays = dict(stored)
    return Heads.from_arrays(arrays) if str(arrays["method"]) == heads.METHOD else Adapter.from_arrays(arrays)


def adapt_query(workspace: Workspace, set_name: str, modality: str, vectors: np.ndarray) -> np.ndarray:
    """Rows of the source checkpoint, (n, dim), as the adapted set has that modality; else unchanged."""
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


def refuse_features(embedding_set: EmbeddingSet) -> None:
    """`Refused` for features of separate backbones, whose cosines mean nothing."""
    if not embedding_set.comparable:
        raise Refused(
            "features_only",
            f"{embedding_set.name!r} holds features of separate backbones: they share no space, so "
            f"nothing can be compared across modalities. Train heads on them first: suture adapt "
            f"{embedding_set.name!r} --method heads.",
        )


def refuse_scoring_on_fit(meta: EmbeddingSetMetadata, split: str) -> None:
    """`Refused` when a set would be scored on rows that its adapter, heads or weights were fitted on.

    Looks at `fit_split` (and `score_splits`, the splits that share no group with it) of everything that was
    fitted; "all" holds the rows of the fit too.
    """
    for fitted in meta.fits:
        if not fitted.fit_split:
            continue
        allowed = fitted.score_splits or [fitted.score_split or ""]
        leaks = split in ("all", fitted.fit_split)
        if leaks or (fitted.score_splits is not None and split not in allowed):
            known = ", ".join(repr(s) for s in allowed if s) or "another split"
            raise _fit_is_score(fitted.fit_split, split, f"Score it on: {known}.")


def _fit_is_score(fit_split: str, split: str, remedy: str) -> Refused:
    return Refused(
        "fit_is_score",
        f"Fitted on {fit_split!r}, it cannot be scored on {split!r}, which holds studies or groups of the "
        f"fit: such scores leak. On pure noise R@1 reads 1.00 there. {remedy}",
    )


def refuse_adapted(source: EmbeddingSetRecord) -> None:
    """`Refused` for a set that an adapter made: no adapter is put upon another."""
    if source.meta.adapter is not None:
        known = source.meta.adapter
        raise Refused(
            "already_adapted",
            f"{source.name!r} is already adapted ({known.method}). Adapt the set it was made from, "
            f"{known.source_set!r}.",
        )


def clean_splits(whole: EmbeddingSet, fit_split: str, score_split: str) -> list[str]:
    """Splits without a group of the fit, the asked one among them; else says what is wrong."""
    if "all" in (fit_split, score_split) or fit_split == score_split:
        known = ", ".join(map(repr, whole.splits()))
        raise _fit_is_score(fit_split, score_split, f"Choose two different splits of: {known}.")
    for split in (fit_split, score_split):
        if split not in whole.splits():
            raise NotFound("split", split, whole.splits())
    groups = {s: set(whole.rows.loc[whole.rows[SPLIT] == s, GROUP]) for s in whole.splits()}
    both = len(groups[fit_split] & groups[score_split])
    if both:
        raise Refused(
            "groups_on_both_sides",
            f"{both:,} groups (patients or cases) have studies in both {fit_split!r} and {score_split!r}, so "
            f"scores would leak. Import the studies with a split by group, or without a split column: Suture "
            f"then splits by group.",
        )
    return [s for s in whole.splits() if s != fit_split and not groups[s] & groups[fit_split]]


def provenance(
    source: EmbeddingSetRecord,
    adapter: Adapter | Heads,
    fit_split: str,
    score_split: str,
    free: list[str],
    strength: float,
) -> EmbeddingSetMetadata:
    """The source's own, which describes studies and checkpoint, and what the adapter is."""
    made = FitMetadata(
        method=adapter.method,
        title=METHODS[adapter.method].title if isinstance(adapter, Adapter) else "Trained heads",
        fit_split=fit_split,
        score_split=score_split,
        score_splits=free,
        n_fit=adapter.n_fit,
        anchor=getattr(adapter, "anchor", ""),
        strength=float(strength),
        options=getattr(adapter, "options", {}),
        source_set=source.name,
        source_id=source.id,
        source_hash=source.fingerprint,
    )
    return replace(source.meta, adapter=made)


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as the bytes of an .npz without Python objects."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
