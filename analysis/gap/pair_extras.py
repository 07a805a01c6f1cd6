"""Further numbers about the pairs: one distance, two cosines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import paired
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

SHORT = 1e-6  # a mean vector below this length has no direction


@dataclass(frozen=True)
class PairExtras:
    """More numbers about two modalities of the same studies. Rows are of unit length.

    l2i              mean |x_i - y_i|, not squared; 0..2, lower = closer (Schrodi et al. 2025)
    centroid_cosine  <mx, my> / (|mx| |my|), m the means; 1 = both clouds lie in one direction. NaN where
                     a mean is shorter than 1e-6, as after mean removal
    iimm             1/2 (mean <x_i, y_j>, i != j + mean <x_i, x_j>, i != j), x images: how alike different
                     studies are, within and across (Niss et al. 2025); high = fine-tuning
                     gains more, and forgets more
    """

    l2i: Estimate
    centroid_cosine: Estimate
    iimm: Estimate


def pair_extras(x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> PairExtras:
    """Measure two modalities, x and y both (n_studies, dim); intervals from each study's influence."""
    x, y = paired(x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    distance = np.linalg.norm(x - y, axis=1)
    [l2i] = bootstrap.linear(np.array([distance.mean()]), distance - distance.mean())
    return PairExtras(l2i, _centroid_cosine(x, y, bootstrap), _iimm(x, y, bootstrap))


def _centroid_cosine(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    mx, my = x.mean(axis=0), y.mean(axis=0)
    lx, ly = np.linalg.norm(mx), np.linalg.norm(my)
    if min(lx, ly) < SHORT:
        return bootstrap.undefined("a mean vector is shorter than 1e-6, so it has no direction")
    u, v = mx / lx, my / ly
    cosine = u @ v
    # the derivative of <u, v>: what of one mean's change is across it and along the other
    influence = (x - mx) @ (v - cosine * u) / lx + (y - my) @ (u - cosine * v) / ly
    return bootstrap.linear(np.array([cosine]), influence, bounds=(-1, 1))[0]


def _iimm(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    sx, sy = x.sum(axis=0), y.sum(axis=0)
    across = (x @ sy + y @ sx) / 2 - np.einsum("nd,nd->n", x, y)
    within = x @ sx - 1
    per_study = (across + within) / (2 * (len(x) - 1))  # mean over all partners of this study
    value = per_study.mean()
    # a study stands on both sides of its pairs, so it pulls twice
    return bootstrap.linear(np.array([value]), 2 * (per_study - value), bounds=(-1, 1))[0]
