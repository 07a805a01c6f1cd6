"""The Frechet distance between two modalities, each approximated by a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.math.arrays import Matrix, UnitRows, paired_unit_rows, scatter, unit_rows
from suture.analysis.math.group_sums import squared_length
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

ROUNDING = 1e-12  # of the largest: singular values below are zero up to rounding


@dataclass(frozen=True)
class Frechet:
    """Squared 2-Wasserstein distance of the Gaussians of x and y; lower = closer, 0 = same mean and spread.

    frechet_squared          frechet_mean_part + frechet_covariance_part
    frechet_mean_part        |mean x - mean y|^2 = centroid_gap^2
    frechet_covariance_part  Tr(Cx + Cy - 2 (Cx^1/2 Cy Cx^1/2)^1/2), C unbiased covariance: the part
                             that no shift removes
    """

    frechet_squared: Estimate
    frechet_mean_part: Estimate
    frechet_covariance_part: Estimate


def frechet(x: Matrix, y: Matrix, *, bootstrap: GroupBootstrap | None = None) -> Frechet:
    """Measure x and y, both (n_studies, dim) of unit rows.

    Biased upward by about dim / n: below n = 2 dim the note warns. Intervals: the mean part is resampled
    exactly, the covariance part to first order. Source: Dowson & Landau 1982; FID, Heusel et al. 2017.
    """
    x, y = paired_unit_rows(x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    n, dim = x.shape
    mean = _mean_part(x, y, bootstrap)
    covariance = _covariance_part(x, y, bootstrap)
    value = np.array([mean.value + covariance.value])
    both = (mean.replicates + covariance.replicates)[:, None]
    [total] = bootstrap.summarise(value, both, bounds=(0, np.inf))
    note = f"; n = {n:,} is under 2 x {dim:,} dimensions: too large by chance" if n < 2 * dim else ""
    return Frechet(*(replace(e, note=note) for e in (total, mean, covariance)))


def _mean_part(x: UnitRows, y: UnitRows, bootstrap: GroupBootstrap) -> Estimate:
    value = squared_length((x.mean - y.mean)[None])
    sizes = np.bincount(bootstrap.codes).astype(np.float32)
    total = np.concatenate([counts @ sizes for counts in bootstrap.draws()]).astype(np.float64)
    sampled = squared_length(bootstrap.sums(x) - bootstrap.sums(y)) / total**2
    return bootstrap.summarise(value, sampled[:, None], bounds=(0, np.inf))[0]


def _covariance_part(x: UnitRows, y: UnitRows, bootstrap: GroupBootstrap) -> Estimate:
    """Cx^1/2 Cy^1/2 = U S V^T: the trace of the root is sum S.

    Its slope in Cx is the optimal map T = Cy^1/2 V S^-1 V^T Cy^1/2, in Cy the inverse map: the influence
    of study i is <x_i, (I - T) x_i> + <y_i, (I - T^-1) y_i>.
    """
    basis = _basis(x, y)
    cx, cy = (basis.T @ (scatter(z) / (len(x) - 1)) @ basis for z in (x, y))
    root_x, root_y = _root(cx), _root(cy)
    u, s, vt = np.linalg.svd(root_x @ root_y)
    spread = np.trace(cx) + np.trace(cy)
    value = max(0.0, float(spread - 2 * s.sum()))
    kept = s > ROUNDING * max(float(s.max()), ROUNDING)
    half = 1 / np.sqrt(s[kept])
    onto_y, onto_x = root_y @ vt[kept].T * half, root_x @ u[:, kept] * half
    influence = _excess(x, basis, onto_y) + _excess(y, basis, onto_x)
    return bootstrap.from_influence(np.array([value]), influence - influence.mean(), bounds=(0, np.inf))[0]


def _basis(x: UnitRows, y: UnitRows) -> np.ndarray:
    """Orthonormal basis of the centred rows if n is small, else the identity; distances are unchanged."""
    if 2 * len(x) >= x.shape[1]:
        return np.eye(x.shape[1])
    return np.linalg.qr(np.concatenate([unit_rows(z) - z.mean for z in (x, y)]).T)[0]


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def _excess(rows: UnitRows, basis: np.ndarray, half_map: np.ndarray) -> np.ndarray:
    """(n,) |z|^2 - |half_map^T z|^2 for each centred row z along the basis."""
    narrow = (basis @ half_map).astype(np.float32)
    parts = ((part - rows.mean).astype(np.float32) for _, part in rows.blocks())
    return np.concatenate([squared_length(p) - squared_length(p @ narrow) for p in parts])
