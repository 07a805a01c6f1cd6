"""The centroid gap and the metrics of true pairs, with intervals from sums over groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import (
    Matrix,
    UnitRows,
    as_unit_rows,
    paired_unit_arrays,
    paired_unit_rows,
    true_cosines,
)
from suture.analysis.math.group_sums import group_sum_blocks, group_sums, squared_length
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

MIN_MEAN_LENGTH = 1e-6  # a mean vector below this length has no direction


@dataclass(frozen=True)
class PairGap:
    """Metrics of two modalities of the same studies. Rows have unit length.

    centroid_gap            |mean x - mean y|; 0..2, lower = closer (Liang et al. 2022)
    centroid_gap_debiased   sqrt(max(0, gap^2 - V)), V = G / (G - 1) sum_g |sum_{i in g} (d_i - mean d)|^2
                            / n^2, d_i = x_i - y_i, over the G groups: what sampling alone adds to gap^2.
                            With one study per group V = R / (n - 1). About 0 where the true gap is 0
    centroid_gap_floor      sqrt(V): the expected centroid_gap at this n where the true gap is 0;
                            lower = smaller gaps are detectable. NaN with one group; no interval
    cos_true_pairs          mean <x_i, y_i>; higher = pairs closer
    margin                  cos_true_pairs - mean <x_i, y_j>, i != j; higher = pairs stand out
    paired_residual         R = mean |(x_i - mean x) - (y_i - mean y)|^2 = alignment - gap^2
    offset_share            gap^2 / alignment: the share of the squared pair distance a shift explains
    alignment               mean |x_i - y_i|^2 = 2 - 2 cos_true_pairs; lower = closer
    rmg                     P / (P + (I_x + I_y) / 2), d = (1 - cos) / 2, P over true pairs, I over
                            distinct rows of one modality (Schrodi et al. 2025); 0..1, lower = closer
    """

    centroid_gap: Estimate
    centroid_gap_debiased: Estimate
    centroid_gap_floor: Estimate
    cos_true_pairs: Estimate
    margin: Estimate
    paired_residual: Estimate
    offset_share: Estimate
    alignment: Estimate
    rmg: Estimate


_RESAMPLED = tuple(name for name in PairGap.__dataclass_fields__ if name != "centroid_gap_floor")


def pair_gap(x: Matrix, y: Matrix, *, bootstrap: GroupBootstrap | None = None) -> PairGap:
    """Measure the gap between two modalities, x and y both (n_studies, dim).

    Distribution metrics (the gap) ignore which text belongs to which image; the cosine of true pairs, the
    margin and the residual do not: read them together. Values in float64, resamples in
    float32. Source: methods of Liang et al. 2022 (gap), Wang & Isola 2020 (alignment), Schrodi et al.
    2025 (RMG).
    """
    x, y = paired_unit_rows(x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    scalars = np.stack([np.ones(len(x)), true_cosines(x, y)], axis=1)  # studies, their cosine
    scalars = group_sums(scalars, bootstrap.codes)
    noise = _sampling_noise(x, y, bootstrap.codes, sizes=scalars[:, 0])
    once = np.ones((1, bootstrap.n_groups))
    sum_x, sum_y = (len(z) * z.mean[None] for z in (x, y))
    value = _pair_statistics(_scalars(once, scalars), sum_x, sum_y, noise)[0]
    narrow = scalars.astype(np.float32)
    drawn = np.concatenate([_scalars(counts, narrow) for counts in bootstrap.draws()])
    with np.errstate(invalid="ignore", divide="ignore"):  # resamples of one single study
        sampled = _pair_statistics(drawn, bootstrap.sums(x), bootstrap.sums(y), noise)
    estimates = zip(_RESAMPLED, bootstrap.summarise(value, sampled), strict=True)
    resampled = {name: _clip(e, name) for name, e in estimates}
    return PairGap(**resampled, centroid_gap_floor=_floor(noise, bootstrap))


def _floor(noise: float, bootstrap: GroupBootstrap) -> Estimate:
    """The floor is a property of the whole sample, so it is not resampled."""
    if bootstrap.n_groups < 2:
        return bootstrap.undefined("the variance between groups needs two groups")
    return bootstrap.without_interval(float(np.sqrt(noise)))


def _clip(estimate: Estimate, name: str) -> Estimate:
    """All metrics are at least 0, except the margin and the cosine."""
    if name in ("cos_true_pairs", "margin"):
        return estimate
    return estimate.clipped(0, np.inf)


def _scalars(counts: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    """(b, n_groups) counts, (n_groups, 2) studies and their cosines by group -> (b, 4): sums weighted
    by the counts and by their squares, since copies of one study in a resample are not different studies."""
    return np.concatenate([counts @ scalars, np.square(counts) @ scalars], axis=1).astype(np.float64)


def _pair_statistics(scalars: np.ndarray, sum_x: np.ndarray, sum_y: np.ndarray, noise: float) -> np.ndarray:
    """(b, 4) of `_scalars` and (b, dim) sums of the rows of x and of y -> (b, 8) as in _RESAMPLED."""
    total, cosines, same, same_cosines = scalars.T
    plus, minus = squared_length(sum_x + sum_y), squared_length(sum_x - sum_y)
    distinct = total**2 - same
    squared_gap = minus / total**2
    cos_pairs = cosines / total
    alignment = 2 - 2 * cos_pairs
    negatives = ((plus - minus) / 4 - same_cosines) / distinct
    distance = (1 - cos_pairs) / 2
    within = (2 - ((plus + minus) / 2 - 2 * same) / distinct) / 4  # half the sum over both modalities
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(alignment > 0, squared_gap / alignment, 0)
        rmg = np.where(distance > 0, distance / (distance + within), 0)
    debiased = np.sqrt(np.maximum(0, squared_gap - noise))
    residual = alignment - squared_gap
    margin = cos_pairs - negatives
    columns = [np.sqrt(squared_gap), debiased, cos_pairs, margin, residual, share, alignment, rmg]
    return np.stack(columns, axis=1)


def _sampling_noise(x: UnitRows, y: UnitRows, codes: np.ndarray, *, sizes: np.ndarray) -> float:
    """Expected squared length of the error of the mean difference, studies sampled by group."""
    groups, total, mean = len(sizes), 0.0, x.mean - y.mean
    if groups < 2:
        return 0.0
    for which, apart in group_sum_blocks(lambda rows: x.take(rows) - y.take(rows), codes):
        total += float(np.square(apart - np.outer(sizes[which], mean)).sum())
    return groups / (groups - 1) * total / float(sizes.sum()) ** 2


def angular_value(z: Matrix, *, bootstrap: GroupBootstrap | None = None) -> Estimate:
    """Mean cosine of distinct rows of one modality, z (n_studies, dim).

    Clearly above 0 = the rows lie in a narrow cone (cone effect); 0 = spread over all directions.
    Exact in O(n dim): (|sum z|^2 - n) / (n (n - 1)). NaN for one study.
    """
    z = as_unit_rows(z)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(z)))
    if len(z) < 2:
        return bootstrap.undefined("needs two studies")
    sizes = np.bincount(bootstrap.codes).astype(np.float32)
    size = np.array([float(len(z))])
    value = _mean_cosine(size, size, len(z) * z.mean[None])
    drawn = [(counts @ sizes, np.square(counts) @ sizes) for counts in bootstrap.draws()]
    total, same = (np.concatenate(part).astype(np.float64) for part in zip(*drawn, strict=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        sampled = _mean_cosine(total, same, bootstrap.sums(z))
    return bootstrap.summarise(value, sampled[:, None])[0]


def _mean_cosine(total: np.ndarray, same: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """(b,) mean cosine of distinct rows: (|sum w z|^2 - sum w^2) / ((sum w)^2 - sum w^2), unit rows."""
    return (squared_length(sums) - same) / (total**2 - same)


@dataclass(frozen=True)
class PairExtras:
    """Additional metrics of two modalities of the same studies. Rows have unit length.

    l2i              mean |x_i - y_i|, not squared; 0..2, lower = closer (Schrodi et al. 2025)
    centroid_cosine  <mx, my> / (|mx| |my|), m the means; 1 = same direction. NaN where
                     a mean is shorter than 1e-6, as after mean removal
    iimm             1/2 (mean <x_i, y_j>, i != j + mean <x_i, x_j>, i != j), x images: mean cosine
                     between different studies, within and across (Niss et al. 2025); high =
                     fine-tuning gains more and forgets more
    """

    l2i: Estimate
    centroid_cosine: Estimate
    iimm: Estimate


def pair_extras(x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> PairExtras:
    """Measure two modalities, x and y both (n_studies, dim); intervals from each study's influence."""
    x, y = paired_unit_arrays(x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    distance = np.linalg.norm(x - y, axis=1)
    [l2i] = bootstrap.from_influence(np.array([distance.mean()]), distance - distance.mean())
    return PairExtras(l2i, _centroid_cosine(x, y, bootstrap), _iimm(x, y, bootstrap))


def _centroid_cosine(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    mx, my = x.mean(axis=0), y.mean(axis=0)
    lx, ly = np.linalg.norm(mx), np.linalg.norm(my)
    if min(lx, ly) < MIN_MEAN_LENGTH:
        return bootstrap.undefined("a mean vector is shorter than 1e-6 and has no direction")
    u, v = mx / lx, my / ly
    cosine = u @ v
    # derivative of <u, v>: the change of one mean, orthogonal to it and along the other
    influence = (x - mx) @ (v - cosine * u) / lx + (y - my) @ (u - cosine * v) / ly
    return bootstrap.from_influence(np.array([cosine]), influence, bounds=(-1, 1))[0]


def _iimm(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    sx, sy = x.sum(axis=0), y.sum(axis=0)
    across = (x @ sy + y @ sx) / 2 - np.einsum("nd,nd->n", x, y)
    within = x @ sx - 1
    per_study = (across + within) / (2 * (len(x) - 1))  # mean over all partners of this study
    value = per_study.mean()
    # each study is on both sides of its pairs, hence the factor 2
    return bootstrap.from_influence(np.array([value]), 2 * (per_study - value), bounds=(-1, 1))[0]
