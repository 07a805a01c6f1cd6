"""Silhouettes of the modalities: is a row nearer to its own cloud than to the next one?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap, subset_bootstrap


def modality_silhouette(
    vectors: Sequence[np.ndarray], *, bootstrap: GroupBootstrap | None = None
) -> Estimate:
    """Mean silhouette of all rows, clouds = modalities; 0 = no closer to the own cloud, 1 = apart.

    vectors (n_studies, dim) of unit rows, row i of each is study i. s = (b - a) / max(a, b), a = mean
    1 - cos to the own cloud, itself left out, b = to the nearest other cloud. Exact in O(n dim), as mean
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

    A study pulls by its own silhouettes, and by what its rows add to the mean cosines of all others: half of
    the spread and more.
    """
    n = len(vectors[0])
    z = np.concatenate(vectors).astype(np.float64, copy=False)
    rows = _Silhouettes(z, np.repeat(np.arange(len(vectors)), n))
    values = np.abs(rows.values) if absolute else rows.values
    by_study = (values + rows.pulls(np.sign(rows.values) if absolute else 1.0)).reshape(-1, n).mean(axis=0)
    return float(values.mean()), by_study - by_study.mean()


class _Silhouettes:
    """Silhouettes of unit rows z (n, dim) by cosine distance; cloud (n,) int, from 0 on, two or more.

    values  (n,); 0 for a row that is alone in its cloud, or where all rows are one point
    """

    def __init__(self, z: np.ndarray, cloud: np.ndarray) -> None:
        self.z, self.sizes = z, np.bincount(cloud)
        kinds = np.arange(len(self.sizes))
        sums = np.stack([z[cloud == kind].sum(axis=0) for kind in kinds])
        cosines, self.own = z @ sums.T, cloud[:, None] == kinds
        size = self.own @ self.sizes
        self.a = 1 - (cosines[self.own] - 1) / np.maximum(size - 1, 1)
        far = np.where(self.own, np.inf, 1 - cosines / self.sizes)
        self.b, self.next = far.min(axis=1), far.argmin(axis=1)[:, None] == kinds
        apart = np.maximum(self.a, self.b)
        self.void = (size == 1) | (apart <= 1e-12)
        self.values = np.where(self.void, 0, (self.b - self.a) / np.where(self.void, 1, apart))

    def pulls(self, weight: np.ndarray | float) -> np.ndarray:
        """(n,): how sum weight silhouette changes where a row weighs more in the mean of its cloud.

        Mean cosines m move by (cos - m) / size; s falls with a and grows with b.
        """
        a, b = (np.where(self.void, 1, v) for v in (self.a, self.b))
        near, slope = b < a, np.where(self.void, 0, weight)
        by_a = slope * np.where(near, -b / a**2, -1 / b)
        by_b = slope * np.where(near, 1 / a, a / b**2)
        to_own = self.own * (by_a / np.maximum(self.own @ self.sizes - 1, 1))[:, None]
        to_next = self.next * by_b[:, None] / self.sizes
        moved = self.z @ ((to_own + to_next).T @ self.z).T - ((1 - a) @ to_own + (1 - b) @ to_next)
        return (to_own * a[:, None] - moved)[self.own]  # itself left out of its own cloud
