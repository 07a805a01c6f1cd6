"""Which labels do the selected studies have more often, or less, than the rest?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suture.analysis.math.group_sums import label_codes
from suture.analysis.statistics.bootstrap import MIN_GROUPS
from suture.analysis.statistics.hypothesis_tests import benjamini_hochberg
from suture.analysis.subgroup.metrics import UNDECIDED, SubgroupVerdict, check_lengths, checked_mask

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 4_000_000  # studies of all shuffles that are held at once
ROUNDING = 1e-6  # counts that lie equally far on both sides of the middle are equally far


@dataclass(frozen=True)
class LabelEnrichment:
    """How often the selected studies have a label, against all others.

    count_inside, count_outside  studies with it; inside, outside  their share of all studies of the side
    odds_ratio                   (a + 1/2)(d + 1/2) / ((b + 1/2)(c + 1/2)) of the counts; above 1 = more often
                                 inside; the halves keep it finite (Haldane 1956)
    p                            two-sided, by shuffling; None where a side has fewer than 5 groups
    verdict                      "more often" and "less often" are named so that of all labels named at most
                                 5 % are false on average (Benjamini-Hochberg)
    """

    column: str
    value: str
    count_inside: int
    count_outside: int
    inside: float
    outside: float
    odds_ratio: float
    p: float | None
    verdict: SubgroupVerdict


def enrichment(
    labels: Mapping[str, Sequence[str]],
    mask: np.ndarray,
    groups: np.ndarray,
    *,
    most: int = 200,
    shuffles: int = 2000,
    seed: int = 0,
) -> tuple[LabelEnrichment, ...]:
    """Which labels the selected studies have more or less often than all others; the surest first.

    labels  column -> (n,) cells; "" = none, several in one cell are separated by ";"
    most    only so many values, the most frequent ones, and only those that 5 groups or more have

    p: the studies of a patient resemble each other and are often selected together, so Fisher's test, which
    takes every study as a trial of its own, would find too much. Instead whole groups trade places with
    groups of the same size, and how many of a group's studies are selected goes along. With one study a
    group that is Fisher's null. A group whose size no other has stays where it is.
    ValueError for different lengths or an empty side.
    """
    mask = checked_mask(mask, groups)
    names, having = _having(labels, len(mask))
    codes = label_codes(groups)
    names, having = _frequent(names, having, codes, most)
    decidable = min(len(set(codes[mask])), len(set(codes[~mask]))) >= MIN_GROUPS
    p = (
        _shuffled_p(having, mask, codes, shuffles, seed)
        if decidable and names
        else np.full(len(names), np.nan)
    )
    counts = np.stack([having[side].sum(axis=0) for side in (mask, ~mask)], axis=1)
    totals = np.array([mask.sum(), (~mask).sum()])
    named = benjamini_hochberg(p)
    found = [_enriched(*a, totals) for a in zip(names, counts, p, named, strict=True)]
    return tuple(sorted(found, key=lambda e: (1.0 if e.p is None else e.p, -abs(np.log(e.odds_ratio)))))


def _having(labels: Mapping[str, Sequence[str]], n: int) -> tuple[list[tuple[str, str]], csr_array]:
    """((column, value) of every label, (n, labels): 1 where a study has it)."""
    from scipy.sparse import csr_array

    names: dict[tuple[str, str], int] = {}
    rows, places = [], []
    for column, cells in labels.items():
        check_lengths(n, **{column: cells})
        for row, cell in enumerate(cells):
            for value in set(filter(None, map(str.strip, str(cell).split(";")))):
                rows.append(row)
                places.append(names.setdefault((column, value), len(names)))
    return [*names], csr_array((np.ones(len(rows)), (rows, places)), shape=(n, len(names)))


def _frequent(
    names: list[tuple[str, str]], having: csr_array, codes: np.ndarray, most: int
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """The labels of enough groups, at most so many, and (n, labels) of float32: which study has them."""
    from scipy.sparse import csr_array

    n = len(codes)
    of_group = csr_array((np.ones(n), (codes, np.arange(n))), shape=(int(codes.max()) + 1, n))
    groups_with = ((of_group @ having) > 0).sum(axis=0)
    kept = np.flatnonzero(groups_with >= MIN_GROUPS)
    kept = np.sort(kept[np.argsort(-groups_with[kept], kind="stable")[:most]])
    return [names[i] for i in kept], having[:, kept].toarray().astype(np.float32)


def _shuffled_p(
    having: np.ndarray, mask: np.ndarray, codes: np.ndarray, shuffles: int, seed: int
) -> np.ndarray:
    """(labels,) share of shuffles, the true one among them, that lie as far from the middle."""
    rng, classes = np.random.default_rng(seed), _size_classes(mask, codes)
    block = max(1, BLOCK // len(mask))
    counts = [having[mask].sum(axis=0)[None]]
    for start in range(0, shuffles, block):
        selected = np.zeros((min(block, shuffles - start), len(mask)), np.float32)
        for row in selected:
            row[_shuffle(classes, rng)] = 1
        counts.append(selected @ having)  # whole numbers, exact in float32 up to 16 million
    away = np.concatenate(counts).astype(np.float64)
    away = np.abs(away - away.mean(axis=0))
    return (away >= away[0] - ROUNDING).mean(axis=0)


def _size_classes(mask: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each size of a group: its studies (groups, size), and what is selected of those it touches."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    found = []
    for size in np.unique(sizes):
        studies = order[starts[sizes == size][:, None] + np.arange(size)]
        touched = mask[studies].any(axis=1)
        if touched.any():
            found.append((studies, mask[studies][touched]))
    return found


def _shuffle(classes: Sequence[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    """The selected studies if other groups of the same sizes had been touched."""
    return np.concatenate(
        [
            studies[rng.choice(len(studies), len(selected), replace=False)][rng.permuted(selected, axis=1)]
            for studies, selected in classes
        ]
    )


def _enriched(
    name: tuple[str, str], counts: np.ndarray, p: float, named: bool, totals: np.ndarray
) -> LabelEnrichment:
    (a, b), (c, d) = counts + 0.5, totals - counts + 0.5
    inside, outside = counts / totals
    verdict: SubgroupVerdict = "no more than chance" if np.isfinite(p) else UNDECIDED
    if named:
        verdict = "more often" if inside > outside else "less often"
    return LabelEnrichment(
        *name,
        count_inside=int(counts[0]),
        count_outside=int(counts[1]),
        inside=float(inside),
        outside=float(outside),
        odds_ratio=float(a * d / (b * c)),
        p=float(p) if np.isfinite(p) else None,
        verdict=verdict,
    )
