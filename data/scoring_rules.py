"""What may be scored: no features of separate backbones, and no rows that anything was fitted on."""

from __future__ import annotations

from suture.data.collection import GROUP, SPLIT
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import NotFound, Refused
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import EmbeddingSetRecord


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
    """`Refused` if the split holds rows that the set's adapter, heads or weights were fitted on.

    Reads `fit_split` (and `score_splits`, the splits that share no group with it) of each fit in the
    metadata. The split "all" contains the rows of the fit.
    """
    for fitted in meta.fits:
        if not fitted.fit_split:
            continue
        allowed = fitted.score_splits or [fitted.score_split or ""]
        leaks = split in ("all", fitted.fit_split)
        if leaks or (fitted.score_splits is not None and split not in allowed):
            names = ", ".join(repr(s) for s in allowed if s) or "another split"
            raise _leaky_score(fitted.fit_split, split, f"Score it on: {names}.")


def refuse_adapted(source: EmbeddingSetRecord) -> None:
    """`Refused` for a set that an adapter made: adapters are not stacked."""
    adapter = source.meta.adapter
    if adapter is not None:
        raise Refused(
            "already_adapted",
            f"{source.name!r} is already adapted ({adapter.method}). Adapt the set it was made from, "
            f"{adapter.source_set!r}.",
        )


def clean_splits(whole: EmbeddingSet, fit_split: str, score_split: str) -> list[str]:
    """Splits that share no group with the fit split; the score split is one of them.

    Raises `NotFound` for an unknown split, and `Refused` if the two are the same or share groups.
    """
    if "all" in (fit_split, score_split) or fit_split == score_split:
        names = ", ".join(map(repr, whole.splits()))
        raise _leaky_score(fit_split, score_split, f"Choose two different splits of: {names}.")
    for split in (fit_split, score_split):
        if split not in whole.splits():
            raise NotFound("split", split, whole.splits())
    groups = {s: set(whole.rows.loc[whole.rows[SPLIT] == s, GROUP]) for s in whole.splits()}
    shared = len(groups[fit_split] & groups[score_split])
    if shared:
        raise Refused(
            "groups_on_both_sides",
            f"{shared:,} groups (patients or cases) have studies in both {fit_split!r} and {score_split!r}, "
            f"so scores would leak. Import the studies with a split by group, or without a split column: "
            f"Suture then splits by group.",
        )
    return [s for s in whole.splits() if s != fit_split and not groups[s] & groups[fit_split]]


def _leaky_score(fit_split: str, split: str, remedy: str) -> Refused:
    return Refused(
        "fit_is_score",
        f"Fitted on {fit_split!r}, it cannot be scored on {split!r}, which contains studies or groups of the "
        f"fit: such scores leak. On pure noise R@1 reads 1.00 there. {remedy}",
    )
