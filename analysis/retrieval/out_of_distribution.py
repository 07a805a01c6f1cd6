"""New studies relative to a reference set: neighbours, shared labels, and an out-of-distribution score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from suture.analysis.evaluate import LABEL_VALUES
from suture.analysis.retrieval.nearest import TIE, scan
from suture.data.embedding_set import EmbeddingSet

NEIGHBOURS = 10  # the k of the k-th neighbour distance used as the score
SAMPLE = 4096


Search = Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]]  # (queries, k) -> cosines, rows


@dataclass(frozen=True)
class ReferenceNeighbours:
    """The nearest reference studies of each query study, in one direction.

    rows     (n, k) of the reference, nearest first; -1 if the query lacks the modality
    cosines  (n, k), NaN there
    own      (n,) rank of the own partner of the query among the gallery and itself, 1 = first; NaN without
             one, and with an approximate index, which does not scan all items
    gallery  number of reference studies searched
    """

    rows: np.ndarray
    cosines: np.ndarray
    own: np.ndarray
    gallery: int


def neighbours(
    new_studies: Mapping[str, np.ndarray],
    reference: EmbeddingSet,
    *,
    k: int,
    targets: Sequence[str] = (),
    indexes: Mapping[str, Search] | None = None,
) -> dict[tuple[str, str], ReferenceNeighbours]:
    """(query modality, gallery modality) -> the nearest reference studies by cosine.

    new_studies  modality -> (n, dim) unit rows in the space of the reference, zeros = missing; see `in_space`
    targets    gallery modalities, default all of the reference; k is at most the number of studies
    indexes    target -> search index; default an exact scan of the matrix, which stays on disk
    """
    results: dict[tuple[str, str], ReferenceNeighbours] = {}
    for y in targets or reference.modalities:
        if new_studies and reference.present(y).any():
            search = (indexes or {}).get(y)
            results |= {(x, y): answer for x, answer in _among(new_studies, reference, y, k, search).items()}
    return results


def _among(
    new_studies: Mapping[str, np.ndarray], reference: EmbeddingSet, y: str, k: int, search: Search | None
) -> dict[str, ReferenceNeighbours]:
    """All queries against one gallery modality, in one scan."""
    queries = np.concatenate([*new_studies.values()]).astype(np.float32, copy=False)
    there = np.flatnonzero(np.any(queries, axis=1))
    present = reference.present(y)
    k = min(k, int(present.sum()))
    rows, cosines = np.full((len(queries), k), -1), np.full((len(queries), k), np.nan)
    own = np.full(len(queries), np.nan)
    if search is not None:
        cosines[there], rows[there] = search(queries[there], k)
    elif len(there):
        thresholds = np.concatenate([_partners(new_studies, x, y) for x in new_studies])[there, None] + TIE
        result = scan(
            queries[there],
            reference.vectors[y],
            k=k,
            present=None if present.all() else present,
            thresholds=thresholds,
        )
        cosines[there], rows[there] = result.cosines, result.rows
        own[there] = np.where(np.isnan(thresholds), np.nan, 1 + result.above)[:, 0]
    parts = zip(*(np.split(part, len(new_studies)) for part in (rows, cosines, own)), strict=True)
    gallery = int(present.sum())
    return {x: ReferenceNeighbours(r, c, o, gallery) for x, (r, c, o) in zip(new_studies, parts, strict=True)}


def _partners(new_studies: Mapping[str, np.ndarray], x: str, y: str) -> np.ndarray:
    """(n,) cosine of the own pair of each query study, NaN without one."""
    if x == y or y not in new_studies:
        return np.full(len(new_studies[x]), np.nan)
    cosines = np.einsum("nd,nd->n", new_studies[x], new_studies[y], dtype=np.float64)
    paired = np.any(new_studies[x], axis=1) & np.any(new_studies[y], axis=1)
    return np.where(paired, cosines, np.nan)


def reference_ranks(
    queries: np.ndarray, reference: EmbeddingSet, modality: str, rows: np.ndarray
) -> np.ndarray:
    """Rank of given reference studies among all of a modality for each query, 1 = first: (n, k).

    Ties are resolved in favour of the study; NaN for row -1, studies without the modality, and zero queries.

    queries  (n, dim); rows (n, k) of the reference
    """
    items, present = reference.vectors[modality], reference.present(modality)
    known = (rows >= 0) & present[rows] & np.any(queries, axis=1)[:, None]
    cosines = np.einsum("nkd,nd->nk", np.asarray(items[rows], np.float32), queries)
    thresholds = np.where(known, cosines, np.nan) + TIE
    result = scan(queries, items, k=0, present=None if present.all() else present, thresholds=thresholds)
    return np.where(known, 1 + result.above, np.nan)


def reference_spread(
    known: np.ndarray, *, k: int = NEIGHBOURS, seed: int = 0, present: np.ndarray | None = None
) -> np.ndarray:
    """Distances 1 - cos of reference rows, or a seeded sample of 4,096, to their k-th nearest other row.

    known (n, dim) unit rows. Ascending. k is at most n - 1; empty for fewer than 2 rows.

    present  (n,) bool, rows to use; default all
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
    """Out-of-distribution score, (n,): share of reference rows that are closer to their k-th neighbour.

    0 = as close as the closest, 1 = farther than all; uniform on 0 to 1 for rows from the reference
    distribution. NaN where the modality is missing, and without a spread.

    neighbours  nearest reference rows of the same modality, at least k if there are as many
    spread      `reference_spread(known, k=k)` of the searched rows
    """
    scores = np.full(len(neighbours.rows), np.nan)
    there = np.flatnonzero(neighbours.rows[:, :1].ravel() >= 0)
    if len(there) and len(spread):
        farthest = neighbours.cosines[there, min(k, neighbours.gallery - 1) - 1]
        scores[there] = np.searchsorted(spread, 1 - farthest - TIE) / len(spread)
    return scores


@dataclass(frozen=True)
class SharedLabel:
    """A label shared by neighbours: `value` of column `label` in `count` of the `known` labelled ones.

    base  share of that value in the whole reference, the chance level
    """

    label: str
    value: str
    count: int
    known: int
    base: float


def shared_labels(labels: pd.DataFrame, rows: np.ndarray) -> list[SharedLabel]:
    """Most frequent value among some rows of each column with 2 to 30 values; highest above chance first.

    Columns that are blank in more than half of the rows are left out.
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
