"""Label enrichment: labels that the selected studies have more or less often than the rest."""

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

BLOCK = 4_000_000  # size of the block of shuffles in memory
ROUNDING = 1e-6  # deviations equal up to rounding count as equal


@dataclass(frozen=True)
class LabelEnrichment:
    """How often the selected studies (inside) have a label, compared with all others (outside).

    count_inside, count_outside  studies with the label; inside, outside  their share of the side
    odds_ratio                   (a + 1/2)(d + 1/2) / ((b + 1/2)(c + 1/2)) of the counts; above 1 = more often
                                 inside; finite due to the halves (Haldane 1956)
    p                            two-sided permutation p; None where a side has fewer than 5 groups
    verdict                      "more often" or "less often" at a false discovery rate of 5 % over all labels
                                 (Benjamini-Hochberg)
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
    """Labels that the selected studies have more or less often than all others, sorted by p.

    labels  column -> (n,) cells; "" = none, several values in one cell are separated by ";"
    most    maximum number of values, the most frequent ones; only values that at least 5 groups have

    p: studies of a patient are similar and often selected together, so Fisher's exact test, which assumes
    independent studies, would give too many false positives. Instead, selections are permuted between groups
    of the same size. With one study per group this is the null of Fisher's test. A group whose size is unique
    keeps its selection. ValueError for different lengths or an empty side.
    """
    mask = checked_mask(mask, groups)
    names, matrix = _label_matrix(labels, len(mask))
    codes = label_codes(groups)
    names, matrix = _frequent(names, matrix, codes, most)
    decidable = min(len(set(codes[mask])), len(set(codes[~mask]))) >= MIN_GROUPS
    p = (
        _shuffled_p(matrix, mask, codes, shuffles, seed)
        if decidable and names
        else np.full(len(names), np.nan)
    )
    counts = np.stack([matrix[side].sum(axis=0) for side in (mask, ~mask)], axis=1)
    totals = np.array([mask.sum(), (~mask).sum()])
    named = benjamini_hochberg(p)
    results = [_enriched(*a, totals) for a in zip(names, counts, p, named, strict=True)]
    return tuple(sorted(results, key=lambda e: (1.0 if e.p is None else e.p, -abs(np.log(e.odds_ratio)))))


def _label_matrix(labels: Mapping[str, Sequence[str]], n: int) -> tuple[list[tuple[str, str]], csr_array]:
    """((column, value) of every label, (n, labels) sparse matrix: 1 where a study has the label)."""
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
    names: list[tuple[str, str]], matrix: csr_array, codes: np.ndarray, most: int
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """The most frequent labels that enough groups have, and their (n, labels) float32 matrix."""
    from scipy.sparse import csr_array

    n = len(codes)
    of_group = csr_array((np.ones(n), (codes, np.arange(n))), shape=(int(codes.max()) + 1, n))
    groups_with = ((of_group @ matrix) > 0).sum(axis=0)
    kept = np.flatnonzero(groups_with >= MIN_GROUPS)
    kept = np.sort(kept[np.argsort(-groups_with[kept], kind="stable")[:most]])
    return [names[i] for i in kept], matrix[:, kept].toarray().astype(np.float32)


def _shuffled_p(
    matrix: np.ndarray, mask: np.ndarray, codes: np.ndarray, shuffles: int, seed: int
) -> np.ndarray:
    """(labels,) share of shuffles, the observed one included, that deviate at least as much from the mean."""
    rng, classes = np.random.default_rng(seed), _size_classes(mask, codes)
    block = max(1, BLOCK // len(mask))
    counts = [matrix[mask].sum(axis=0)[None]]
    for start in range(0, shuffles, block):
        selected = np.zeros((min(block, shuffles - start), len(mask)), np.float32)
        for row in selected:
            row[_shuffle(classes, rng)] = 1
        counts.append(selected @ matrix)  # whole numbers, exact in float32 up to 16 million
    deviation = np.concatenate(counts).astype(np.float64)
    deviation = np.abs(deviation - deviation.mean(axis=0))
    return (deviation >= deviation[0] - ROUNDING).mean(axis=0)


def _size_classes(mask: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each group size: studies (groups, size), and selections of groups with a selected study."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.cumsum(sizes) - sizes
    classes = []
    for size in np.unique(sizes):
        studies = order[starts[sizes == size][:, None] + np.arange(size)]
        touched = mask[studies].any(axis=1)
        if touched.any():
            classes.append((studies, mask[studies][touched]))
    return classes


def _shuffle(classes: Sequence[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator) -> np.ndarray:
    """Selected studies after assigning the selections to random groups of the same size."""
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
