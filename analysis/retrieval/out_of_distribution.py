"""What new studies are like beside known ones: neighbours, what those share, and how far out they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from suture.analysis.evaluate import LABEL_VALUES
from suture.analysis.retrieval.nearest import TIE, scan
from suture.data.embedding_set import EmbeddingSet

NEIGHBOURS = 10  # the one whose distance says how far out a study lies
SAMPLE = 4096


Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]  # (queries, k) -> cosines, rows


@dataclass(frozen=True)
class ReferenceNeighbours:
    """The reference's studies next to each newcomer, in one direction.

    rows     (n, k) of the reference, nearest first; -1 throughout where the newcomer lacks the modality
    cosines  (n, k), NaN there
    own      (n,) place of the newcomer's own partner among the gallery and itself, 1 = first; NaN without
             one, and where an index answered, which does not look at all
    gallery  how many studies were asked
    """

    rows: np.ndarray
    cosines: np.ndarray
    own: np.ndarray
    gallery: int


def neighbours(
    newcomers: Mapping[str, np.ndarray],
    reference: EmbeddingSet,
    *,
    k: int,
    targets: Sequence[str] = (),
    indexes: Mapping[str, Search] | None = None,
) -> dict[tuple[str, str], ReferenceNeighbours]:
    """(modality that asks, modality that answers) -> what is nearest by cosine.

    newcomers  modality -> (n, dim) unit rows in the reference's space, zeros = missing; see `in_space`
    targets    modalities that answer, default all of the reference; k is cut to how many have it
    indexes    target -> what searches it; default one exact pass over the matrix, which stays on disk
    """
    results: dict[tuple[str, str], ReferenceNeighbours] = {}
    for y in targets or reference.modalities:
        if newcomers and reference.present(y).any():
            search = (indexes or {}).get(y)
            results |= {(x, y): answer for x, answer in _among(newcomers, reference, y, k, search).items()}
    return results


def _among(
    newcomers: Mapping[str, np.ndarray], reference: EmbeddingSet, y: str, k: int, search: Search | None
) -> dict[str, ReferenceNeighbours]:
    """All that the newcomers ask one modality, in one pass."""
    queries = np.concatenate([*newcomers.values()]).astype(np.float32, copy=False)
    there = np.flatnonzero(np.any(queries, axis=1))
    present = reference.present(y)
    k = min(k, int(present.sum()))
    rows, cosines = np.full((len(queries), k), -1), np.full((len(queries), k), np.nan)
    own = np.full(len(queries), np.nan)
    if search is not None:
        cosines[there], rows[there] = search(queries[there], k)
    elif len(there):
        bars = np.concatenate([_partners(newcomers, x, y) for x in newcomers])[there, None] + TIE
        result = scan(
            queries[there], reference.vectors[y], k=k, present=None if present.all() else present, bars=bars
        )
        cosines[there], rows[there] = result.cosines, result.rows
        own[there] = np.where(np.isnan(bars), np.nan, 1 + result.above)[:, 0]
    parts = zip(*(np.split(part, len(newcomers)) for part in (rows, cosines, own)), strict=True)
    gallery = int(present.sum())
    return {x: ReferenceNeighbours(r, c, o, gallery) for x, (r, c, o) in zip(newcomers, parts, strict=True)}


def _partners(newcomers: Mapping[str, np.ndarray], x: str, y: str) -> np.ndarray:
    """(n,) cosine of each newcomer's own pair, NaN where it has none."""
    if x == y or y not in newcomers:
        return np.full(len(newcomers[x]), np.nan)
    cosines = np.einsum("nd,nd->n", newcomers[x], newcomers[y], dtype=np.float64)
    paired = np.any(newcomers[x], axis=1) & np.any(newcomers[y], axis=1)
    return np.where(paired, cosines, np.nan)


def reference_ranks(
    queries: np.ndarray, reference: EmbeddingSet, modality: str, rows: np.ndarray
) -> np.ndarray:
    """Place of given studies among all of a modality for each query, 1 = first: (n, k).

    Ties count in a study's favour; NaN for row -1, for studies that lack the modality and queries of zeros.

    queries  (n, dim); rows (n, k) of the reference
    """
    items, present = reference.vectors[modality], reference.present(modality)
    known = (rows >= 0) & present[rows] & np.any(queries, axis=1)[:, None]
    cosines = np.einsum("nkd,nd->nk", np.asarray(items[rows], np.float32), queries)
    bars = np.where(known, cosines, np.nan) + TIE
    result = scan(queries, items, k=0, present=None if present.all() else present, bars=bars)
    return np.where(known, 1 + result.above, np.nan)


def reference_spread(
    known: np.ndarray, *, k: int = NEIGHBOURS, seed: int = 0, present: np.ndarray | None = None
) -> np.ndarray:
    """Distance 1 - cos of known unit rows (n, dim), or a seeded sample of 4,096, to their k-th nearest other.

    Ascending. k is cut to n - 1; empty for fewer than 2 rows.

    present  (n,) bool, rows that count; default all
    """
    rows = np.arange(len(known)) if present is None else np.flatnonzero(present)
    n = len(rows)
    if n < 2:
        return np.zeros(0)
    if n > SAMPLE:
        rows = rows[np.random.default_rng(seed).choice(n, size=SAMPLE, replace=False)]
    some = None if present is None or n == len(known) else present
    cosines = scan(known[rows], known, k=min(k, n - 1) + 1, present=some).cosines
    return np.sort(np.maximum(1 - cosines[:, -1], 0))


def out_of_distribution(
    neighbours: ReferenceNeighbours, spread: np.ndarray, *, k: int = NEIGHBOURS
) -> np.ndarray:
    """How far out newcomers lie, (n,): share of known rows that are nearer to their k-th neighbour.

    0 = as near as the nearest, 1 = farther out than all; rows like the known ones are spread evenly over
    0 to 1. NaN where the modality is missing, and without a spread.

    found   their nearest of the same modality, k or more of them if there are as many
    spread  `usual(known, k=k)` of all that answered
    """
    scores = np.full(len(neighbours.rows), np.nan)
    there = np.flatnonzero(neighbours.rows[:, :1].ravel() >= 0)
    if len(there) and len(spread):
        farthest = neighbours.cosines[there, min(k, neighbours.gallery - 1) - 1]
        scores[there] = np.searchsorted(spread, 1 - farthest - TIE) / len(spread)
    return scores


@dataclass(frozen=True)
class SharedLabel:
    """What neighbours have in common: `value` of column `label` in `count` of the `known` that have one.

    base  share of that value in the whole reference: what chance would give
    """

    label: str
    value: str
    count: int
    known: int
    base: float


def shared_labels(labels: pd.DataFrame, rows: np.ndarray) -> list[SharedLabel]:
    """Most frequent value among some rows of each column with 2 to 30 values; most above chance first.

    A column that is blank in more than half of the rows says nothing of them and is left out.
    """
    shared = []
    for column in labels:
        whole = labels[column].astype(str)
        shares = whole[whole != ""].value_counts(normalize=True)
        near = whole.iloc[rows]
        counts = near[near != ""].value_counts()
        if len(shares) in LABEL_VALUES and len(rows) <= 2 * counts.sum():
            value, count = str(counts.index[0]), int(counts.iloc[0])
            shared.append(SharedLabel(str(column), value, count, int(counts.sum()), float(shares[value])))
    return sorted(shared, key=lambda a: a.base - a.count / a.known)
