"""Cosines for plots: samples for histograms, and means by label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import paired_unit_arrays, unit_rows
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap


@dataclass(frozen=True)
class CosineSamples:
    """Cosines for histograms: a seeded sample of at most `limit` of each kind."""

    true_pairs: np.ndarray
    random_pairs: np.ndarray
    within_x: np.ndarray
    within_y: np.ndarray


def cosine_samples(
    x: np.ndarray, y: np.ndarray, *, rows: np.ndarray | None = None, limit: int = 20_000, seed: int = 0
) -> CosineSamples:
    """Cosines of true pairs, of different studies across modalities, and within each modality.

    x, y (n_studies, dim), row i of both is study i; `rows`: rows to sample from, default all.
    Only the drawn rows are read from matrices on disk. ValueError unless shapes agree and there are 2 rows.
    """
    if np.shape(x) != np.shape(y):
        raise ValueError(f"Paired modalities need one shape, got {np.shape(x)} and {np.shape(y)}.")
    n = len(x) if rows is None else len(rows)
    if n < 2:
        raise ValueError(f"At least 2 pairs are needed, got {n}.")
    rng = np.random.default_rng(seed)
    count = min(limit, n * (n - 1))
    i = rng.integers(n, size=count)
    j = (i + rng.integers(1, n, size=count)) % n  # never i itself
    true = rng.permutation(n)[:limit]
    at = (lambda drawn: drawn) if rows is None else rows.__getitem__
    return CosineSamples(
        *(
            np.einsum("nd,nd->n", unit_rows(a[at(first)]), unit_rows(b[at(second)]))
            for a, first, b, second in ((x, true, y, true), (x, i, y, j), (x, i, x, j), (y, i, y, j))
        )
    )


@dataclass(frozen=True)
class LabelMean:
    """Mean cosine of true pairs over the studies with one label."""

    label: str
    mean: Estimate


def cosine_by_label(
    x: np.ndarray, y: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, resamples: int = 1000
) -> list[LabelMean]:
    """Mean cosine of true pairs for each label with two or more studies, highest first.

    x, y (n_studies, dim); labels, groups (n_studies,). "" = no label, left out.
    """
    x, y = paired_unit_arrays(x, y)
    return mean_by_label(np.einsum("nd,nd->n", x, y), labels, groups, resamples=resamples)


def mean_by_label(
    cosines: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, resamples: int = 1000
) -> list[LabelMean]:
    """`cosine_by_label` from the cosines of the true pairs, (n_studies,)."""
    means = []
    for label in sorted(set(labels) - {""}):
        chosen = np.flatnonzero(labels == label)
        if len(chosen) > 1:
            bootstrap = GroupBootstrap(groups[chosen], resamples=resamples)
            values = cosines[chosen]
            mean = values.mean()
            [estimate] = bootstrap.from_influence(np.array([mean]), values - mean)
            means.append(LabelMean(str(label), estimate))
    return sorted(means, key=lambda g: -g.mean.value)
