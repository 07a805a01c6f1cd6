"""Optimal transport: the smallest mean squared distance that moves one modality onto the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.math.arrays import paired_unit_arrays
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

MAX_ASSIGNED = 2000  # up to this many pairs an exact assignment is computed, in cubic time
DIRECTIONS = 256
DIRECTIONS_AT_ONCE = 32  # directions projected at once


@dataclass(frozen=True)
class Transport:
    """Three transport distances, without intervals; lower = closer, 0 = the same rows in some order.

    w2_squared          min over permutations p of mean |x_i - y_p(i)|^2; at most alignment
    centred_w2_squared  the same after centring both modalities = w2_squared - gap^2, exactly, since a shift
                        changes the cost of every assignment equally. NaN for both above 2,000 studies
    sliced_w2           sqrt of the mean, over 256 seeded directions, of the squared 2-Wasserstein distance
                        of the rows along a direction; for any n. About W2 / sqrt(D) at most
    """

    w2_squared: Estimate
    centred_w2_squared: Estimate
    sliced_w2: Estimate


def transport(
    x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None, seed: int = 0
) -> Transport:
    """Measure x and y, both (n_studies, dim) of unit rows. Source: Bonneel et al. 2015 (sliced)."""
    x, y = paired_unit_arrays(x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    sliced = _sliced(x, y, bootstrap, seed)
    if len(x) > MAX_ASSIGNED:
        reason = f"{len(x):,} studies: computed up to {MAX_ASSIGNED:,}, above see sliced_w2"
        return Transport(bootstrap.undefined(reason), bootstrap.undefined(reason), sliced)
    whole = _assigned(x, y)
    centred = max(0.0, whole - float(np.square(x.mean(axis=0) - y.mean(axis=0)).sum()))
    return Transport(bootstrap.without_interval(whole), bootstrap.without_interval(centred), sliced)


def _assigned(x: np.ndarray, y: np.ndarray) -> float:
    from scipy.optimize import linear_sum_assignment

    cost = np.maximum(2 - 2 * x @ y.T, 0)
    return float(cost[linear_sum_assignment(cost)].mean())


def _sliced(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap, seed: int) -> Estimate:
    directions = np.random.default_rng(seed).normal(size=(x.shape[1], DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    squared = []
    for part in np.split(directions, DIRECTIONS // DIRECTIONS_AT_ONCE, axis=1):
        along = [np.sort((part.T @ z.T).astype(np.float32), axis=1) for z in (x, y)]
        squared.append(np.square(along[0] - along[1]).mean(axis=1, dtype=np.float64))
    each = np.concatenate(squared)
    value = float(np.sqrt(each.mean()))
    error = each.std(ddof=1) / np.sqrt(DIRECTIONS) / (2 * value) if value else 0.0
    note = f"; {DIRECTIONS} directions, seeded, standard error {error:.2g}"
    return replace(bootstrap.without_interval(value), note=note)
