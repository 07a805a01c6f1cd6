"""Embeddings with known properties, and slow reference intervals, for tests of the analysis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from suture.analysis.math.arrays import unit_rows
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap


def pair(n: int, dim: int, seed: int, *, offset: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Two modalities (n, dim) that share half of their variance, each moved by its own offset."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, dim)) * np.exp(-np.arange(dim) / dim)
    x, y = (shared + rng.normal(size=(n, dim)) + offset * rng.normal(size=dim) for _ in range(2))
    return unit_rows(x), unit_rows(y)


def rotation(dim: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


def once(n: int) -> GroupBootstrap:
    """For tests of values alone."""
    return GroupBootstrap(np.arange(n), resamples=2)


def resampled_width(measure: Callable[[np.ndarray], float], groups: np.ndarray, draws: int = 400) -> float:
    """Width of the 95 % interval of `measure(rows drawn)` by really drawing groups of studies again."""
    rng = np.random.default_rng(7)
    names = np.unique(groups)
    members = {g: np.flatnonzero(groups == g) for g in names}
    values = [
        measure(np.concatenate([members[g] for g in rng.choice(names, len(names))])) for _ in range(draws)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(high - low)


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low
