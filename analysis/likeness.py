"""What new studies are like beside known ones: neighbours, what those share, and how far out they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evaluate import LABEL_VALUES
from analysis.neighbours import TIE, nearest
from data.embeddings import EmbeddingSet

NEIGHBOURS = 10  # the one whose distance says how far out a study lies
SAMPLE = 4096
BLOCK = 64  # new studies at a time


@dataclass(frozen=True)
class Nearest:
    """The reference's studies next to each newcomer, in one direction.

    rows     (n, k) of the reference, nearest first; -1 throughout where the newcomer lacks the modality
    cosines  (n, k), NaN there
    own      (n,) place of the newcomer's own partner among the gallery and itself, 1 = first; NaN without one
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
) -> dict[tuple[str, str], Nearest]:
    """(modality that asks, modality that answers) -> what is nearest by cosine.

    newcomers  modality -> (n, dim) unit rows in the reference's space, zeros = missing; see `in_space`
    targets    modalities that answer, default all of the reference; k is cut to how many have it
    """
    found = {}
    for y in targets or reference.modalities:
        items = reference.rows_with(y)
        gallery = np.asarray(reference.vectors[y])[items]
        if len(items):
            for x, queries in newcomers.items():
                found[x, y] = _nearest(queries, gallery, items, newcomers.get(y) if x != y else None, k)
    return found


def _nearest(
    queries: np.ndarray, gallery: np.ndarray, items: np.ndarray, partners: np.ndarray | None, k: int
) -> Nearest:
    n, k = len(queries), min(k, len(items))
    rows, cosines, own = np.full((n, k), -1), np.full((n, k), np.nan), np.full(n, np.nan)
    there = np.flatnonzero(np.any(queries, axis=1))
    if len(there):
        cosines[there], found = nearest(queries[there], gallery, k=k)
        rows[there] = items[found]
    if partners is not None:
        paired = there[np.any(partners[there], axis=1)]
        for start in range(0, len(paired), BLOCK):
            block = paired[start : start + BLOCK]
            least = np.einsum("nd,nd->n", queries[block], partners[block]) + TIE
            own[block] = 1 + (queries[block] @ gallery.T > least[:, None]).sum(axis=1)
    return Nearest(rows, cosines, own, len(items))


def usual(known: np.ndarray, *, k: int = NEIGHBOURS, seed: int = 0) -> np.ndarray:
    """Distance 1 - cos of known unit rows (n, dim), or a seeded sample of 4,096, to their k-th nearest other.

    Ascending. k is cut to n - 1; empty for fewer than 2 rows.
    """
    if len(known) < 2:
        return np.zeros(0)
    rows = np.arange(len(known))
    if len(known) > SAMPLE:
        rows = np.random.default_rng(seed).choice(len(known), size=SAMPLE, replace=False)
    cosines, _ = nearest(known[rows], known, k=min(k, len(known) - 1) + 1)
    return np.sort(np.maximum(1 - cosines[:, -1], 0))


def outside(new: np.ndarray, known: np.ndarray, spread: np.ndarray, *, k: int = NEIGHBOURS) -> np.ndarray:
    """How far out new rows (m, dim) lie: share of known rows that are nearer to their k-th neighbour.

    0 = as near as the nearest, 1 = farther out than all; rows like the known ones are spread evenly over
    0 to 1. spread = `usual(known, k=k)`. NaN for rows of zeros, and without a spread.
    """
    scores = np.full(len(new), np.nan)
    there = np.flatnonzero(np.any(new, axis=1))
    if len(there) and len(spread):
        cosines, _ = nearest(new[there], known, k=min(k, len(known) - 1))
        scores[there] = np.searchsorted(spread, 1 - cosines[:, -1] - TIE) / len(spread)
    return scores


@dataclass(frozen=True)
class Agreement:
    """What neighbours have in common: `value` of column `label` in `count` of the `known` that have one.

    base  share of that value in the whole reference: what chance would give
    """

    label: str
    value: str
    count: int
    known: int
    base: float


def agreements(labels: pd.DataFrame, rows: np.ndarray) -> list[Agreement]:
    """Most frequent value among some rows of each column with 2 to 30 values; most above chance first.

    A column that is blank in more than half of the rows says nothing of them and is left out.
    """
    found = []
    for column in labels:
        whole = labels[column].astype(str)
        shares = whole[whole != ""].value_counts(normalize=True)
        near = whole.iloc[rows]
        counts = near[near != ""].value_counts()
        if len(shares) in LABEL_VALUES and len(rows) <= 2 * counts.sum():
            value, count = str(counts.index[0]), int(counts.iloc[0])
            found.append(Agreement(str(column), value, count, int(counts.sum()), float(shares[value])))
    return sorted(found, key=lambda a: a.base - a.count / a.known)
