"""Silhouette of the modalities: is a row closer to its own modality than to the nearest other one?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap, subset_bootstrap


def modality_silhouette(
    vectors: Sequence[np.ndarray], *, bootstrap: GroupBootstrap | None = None
) -> Estimate:
    """Mean silhouette of all rows, clusters = modalities; 0 = no closer to the own one, 1 = separate.

    vectors (n_studies, dim) of unit rows, row i of each is study i. s = (b - a) / max(a, b), a = mean
    1 - cos to the own cluster, self excluded, b = to the nearest other cluster. Exact in O(n dim), as mean
    cosines are cosines with sums. Source: Rousseeuw 1987; influence derived.
    """
    sizes = {len(v) for v in vectors}
    if len(vectors) < 2 or len(sizes) > 1:
        raise ValueError(f"Expected 2 or more modalities of the same studies, got {sorted(sizes)} rows.")
    n = sizes.pop()
    draws = subset_bootstrap(bootstrap or GroupBootstrap(np.arange(n)), np.arange(n), n)
    if n < 2:
        return draws.undefined(f"needs 2 studies, there are {n}")
    value, influence = mean_silhouette(vectors)
    return draws.from_influence(np.array([value]), influence, bounds=(-1, 1))[0]


def mean_silhouette(vectors: Sequence[np.ndarray], *, absolute: bool = False) -> tuple[float, np.ndarray]:
    """Mean silhouette of all rows, or mean |silhouette|, and each study's influence, (n_studies,), mean 0.

    A study contributes its own silhouettes, and its rows change the mean cosines of all others; the second
    part is at least half of the spread.
    """
    n = len(vectors[0])
    z = np.concatenate(vectors).astype(np.float64, copy=False)
    rows = _Silhouettes(z, np.repeat(np.arange(len(vectors)), n))
    values = np.abs(rows.values) if absolute else rows.values
    by_study = (
        (values + rows.sensitivities(np.sign(rows.values) if absolute else 1.0)).reshape(-1, n).mean(axis=0)
    )
    return float(values.mean()), by_study - by_study.mean()


class _Silhouettes:
    """Silhouettes of unit rows z (n, dim) by cosine distance; cluster (n,) int from 0, two or more.

    values  (n,); 0 for a single row in its cluster, or where all rows are equal
    """

    def __init__(self, z: np.ndarray, cluster: np.ndarray) -> None:
        self.z, self.sizes = z, np.bincount(cluster)
        kinds = np.arange(len(self.sizes))
        sums = np.stack([z[cluster == kind].sum(axis=0) for kind in kinds])
        cosines, self.own = z @ sums.T, cluster[:, None] == kinds
        size = self.own @ self.sizes
        self.a = 1 - (cosines[self.own] - 1) / np.maximum(size - 1, 1)
        far = np.where(self.own, np.inf, 1 - cosines / self.sizes)
        self.b, self.next = far.min(axis=1), far.argmin(axis=1)[:, None] == kinds
        apart = np.maximum(self.a, self.b)
        self.void = (size == 1) | (apart <= 1e-12)
        self.values = np.where(self.void, 0, (self.b - self.a) / np.where(self.void, 1, apart))

    def sensitivities(self, weight: np.ndarray | float) -> np.ndarray:
        """(n,): change of sum(weight x silhouette) if a row has more weight in its cluster mean.

        Mean cosines m change by (cos - m) / size; s decreases with a and increases with b.
        """
        a, b = (np.where(self.void, 1, v) for v in (self.a, self.b))
        near, slope = b < a, np.where(self.void, 0, weight)
        by_a = slope * np.where(near, -b / a**2, -1 / b)
        by_b = slope * np.where(near, 1 / a, a / b**2)
        to_own = self.own * (by_a / np.maximum(self.own @ self.sizes - 1, 1))[:, None]
        to_next = self.next * by_b[:, None] / self.sizes
        moved = self.z @ ((to_own + to_next).T @ self.z).T - ((1 - a) @ to_own + (1 - b) @ to_next)
        return (to_own * a[:, None] - moved)[self.own]  # self excluded
