"""Silhouettes of the modalities: is a row nearer to its own cloud than to the next one?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.mixing.graph import narrowed
from analysis.uncertainty import Estimate, GroupBootstrap


def modality_silhouette(
    vectors: Sequence[np.ndarray], *, bootstrap: GroupBootstrap | None = None
) -> Estimate:
    """Mean silhouette of all rows, clouds = modalities; 0 = no closer to the own cloud, 1 = apart.

    vectors (n_studies, dim) of unit rows, row i of each is study i. s = (b - a) / max(a, b), a = mean
    1 - cos to the own cloud, itself left out, b = to the nearest other cloud. Exact in O(n dim), as mean
    cosines are cosines with sums. The interval resamples studies, the clouds stay. Source: Rousseeuw 1987.
    """
    sizes = {len(v) for v in vectors}
    if len(vectors) < 2 or len(sizes) > 1:
        raise ValueError(f"Expected 2 or more modalities of the same studies, got {sorted(sizes)} rows.")
    n = sizes.pop()
    draws = narrowed(bootstrap or GroupBootstrap(np.arange(n)), np.arange(n), n)
    if n < 2:
        return draws.undefined(f"needs 2 studies, there are {n}")
    pooled = np.concatenate(vectors).astype(np.float64)
    rows = silhouettes(pooled, np.repeat(np.arange(len(vectors)), n))
    mean = rows.reshape(-1, n).mean(axis=0)
    return draws.linear(np.array([mean.mean()]), mean - mean.mean(), bounds=(-1, 1))[0]


def silhouettes(z: np.ndarray, cloud: np.ndarray) -> np.ndarray:
    """Silhouette of each unit row by cosine distance, (n,); 0 for a row that is alone in its cloud.

    z (n, dim), cloud (n,) int, two or more of them present.
    """
    kinds = np.unique(cloud)
    sizes = np.array([(cloud == c).sum() for c in kinds])
    sums = np.stack([z[cloud == c].sum(axis=0) for c in kinds])
    cosines, own = z @ sums.T, cloud[:, None] == kinds
    near = 1 - cosines / sizes
    size = sizes[own.argmax(axis=1)]
    a = 1 - (cosines[own] - 1) / np.maximum(size - 1, 1)
    b = np.where(own, np.inf, near).min(axis=1)
    apart = np.maximum(a, b)
    close = apart <= 1e-12  # all rows are one point
    return np.where((size == 1) | close, 0, (b - a) / np.where(close, 1, apart))
