"""The modality gap of paired embeddings: how far apart the clouds are, and the pairs in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import paired, unit_rows
from analysis.uncertainty import Estimate, GroupBootstrap


@dataclass(frozen=True)
class PairGap:
    """Numbers about two modalities of the same studies. Rows are of unit length.

    centroid_gap            |mean x - mean y|; 0..2, lower = closer (Liang et al. 2022)
    centroid_gap_debiased   sqrt(max(0, gap^2 - V)), V = G / (G - 1) sum_g |sum_{i in g} (d_i - mean d)|^2
                            / n^2, d_i = x_i - y_i, over the G groups: what sampling alone adds to gap^2.
                            With one study a group V = R / (n - 1). A true gap of zero reads about zero
    centroid_gap_floor      sqrt(V): what centroid_gap reads by chance, at this n, where the true gap is
                            zero; lower = a smaller gap can be seen. NaN with one group; no interval
    cos_true_pairs          mean <x_i, y_i>; higher = pairs closer
    margin                  cos_true_pairs - mean <x_i, y_j>, i != j; higher = pairs stand out
    paired_residual         R = mean |(x_i - mean x) - (y_i - mean y)|^2 = alignment - gap^2
    offset_share            gap^2 / alignment: the part of the pair distance a shift explains
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


def pair_gap(x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> PairGap:
    """Measure the gap between two modalities, x and y both (n_studies, dim).

    Distribution metrics (the gap) are blind to which text belongs to which image; the cosine of true
    pairs, the margin and the residual are not: read them together. Source: methods of Liang et al.
    2022 (gap), Wang & Isola 2020 (alignment), Schrodi et al. 2025 (RMG).
    """
    x, y = paired(x, y)
    cosines = np.einsum("nd,nd->n", x, y)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))

    noise = _sampling_noise(x - y, bootstrap.codes)

    def statistic(weights: np.ndarray) -> np.ndarray:
        return _pair_statistics(x, y, cosines, noise, weights)

    # All of these are at least 0 but the margin and the cosine, whose floor is never reached.
    estimates = zip(_RESAMPLED, bootstrap.estimates(statistic), strict=True)
    return PairGap(
        **{name: _clip(e, name) for name, e in estimates}, centroid_gap_floor=_floor(noise, bootstrap)
    )


_RESAMPLED = tuple(name for name in PairGap.__dataclass_fields__ if name != "centroid_gap_floor")


def _floor(noise: float, bootstrap: GroupBootstrap) -> Estimate:
    """Belongs to the sample as a whole, so it is not resampled."""
    value = float(np.sqrt(noise)) if bootstrap.n_groups > 1 else np.nan
    return Estimate(value, np.nan, np.nan, bootstrap.n, bootstrap.n_groups, 0)


def _clip(estimate: Estimate, name: str) -> Estimate:
    if name in ("cos_true_pairs", "margin"):
        return estimate
    low, high = (float(np.maximum(0, bound)) for bound in (estimate.low, estimate.high))  # keeps NaN
    return Estimate(estimate.value, low, high, estimate.n, estimate.n_groups, estimate.resamples)


def _pair_statistics(
    x: np.ndarray, y: np.ndarray, cosines: np.ndarray, noise: float, weights: np.ndarray
) -> np.ndarray:
    """(b, n) weights -> (b, 8) in the order of _RESAMPLED."""
    total = weights.sum(axis=1)
    sum_x, sum_y = weights @ x, weights @ y
    squared_gap = np.square((sum_x - sum_y) / total[:, None]).sum(axis=1)
    cos_pairs = weights @ cosines / total
    alignment = 2 - 2 * cos_pairs
    residual = alignment - squared_gap
    debiased = np.sqrt(np.maximum(0, squared_gap - noise))
    # Pairs of different studies only; copies of one study made by resampling are not "different".
    same = np.square(weights).sum(axis=1)
    crossed = np.einsum("bd,bd->b", sum_x, sum_y) - np.square(weights) @ cosines
    negatives = crossed / (total**2 - same)
    apart = (1 - cos_pairs) / 2
    within = (2 - _mean_cosine(sum_x, total, same) - _mean_cosine(sum_y, total, same)) / 4
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(alignment > 0, squared_gap / alignment, 0)
        rmg = np.where(apart > 0, apart / (apart + within), 0)
    gap = np.sqrt(np.maximum(squared_gap, 0))
    columns = [gap, debiased, cos_pairs, cos_pairs - negatives, residual, share, alignment, rmg]
    return np.stack(columns, axis=1)


def _sampling_noise(differences: np.ndarray, codes: np.ndarray) -> float:
    """Expected squared length of the error of the mean difference, studies sampled by group."""
    groups = codes.max() + 1
    if groups < 2:
        return 0.0
    sums = np.zeros((groups, differences.shape[1]))
    np.add.at(sums, codes, differences - differences.mean(axis=0))
    return float(groups / (groups - 1) * np.square(sums).sum() / len(differences) ** 2)


def _mean_cosine(total_vector: np.ndarray, total: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Mean cosine of distinct rows: (|sum w z|^2 - sum w^2) / ((sum w)^2 - sum w^2), unit rows."""
    return (np.square(total_vector).sum(axis=1) - same) / (total**2 - same)


def angular_value(z: np.ndarray, *, bootstrap: GroupBootstrap | None = None) -> Estimate:
    """Mean cosine of distinct rows of one modality, z (n_studies, dim).

    Clearly above 0 = the rows fill a narrow cone (cone effect); 0 = spread over all directions.
    Exact in O(n dim): (|sum z|^2 - n) / (n (n - 1)).
    """
    z = unit_rows(z)
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(z)))

    def statistic(weights: np.ndarray) -> np.ndarray:
        same = np.square(weights).sum(axis=1)
        return _mean_cosine(weights @ z, weights.sum(axis=1), same)[:, None]

    return bootstrap.estimates(statistic)[0]


@dataclass(frozen=True)
class CosineSamples:
    """Cosines to draw as histograms: at most `limit` of each kind, seeded."""

    true_pairs: np.ndarray
    random_pairs: np.ndarray
    within_x: np.ndarray
    within_y: np.ndarray


def cosine_samples(x: np.ndarray, y: np.ndarray, *, limit: int = 20_000, seed: int = 0) -> CosineSamples:
    """Cosines of true pairs, of different studies across modalities, and within each modality."""
    x, y = paired(x, y)
    rng = np.random.default_rng(seed)
    n = len(x)
    count = min(limit, n * (n - 1))
    i = rng.integers(n, size=count)
    j = (i + rng.integers(1, n, size=count)) % n  # never i itself
    return CosineSamples(
        np.einsum("nd,nd->n", x, y)[:limit],
        np.einsum("nd,nd->n", x[i], y[j]),
        np.einsum("nd,nd->n", x[i], x[j]),
        np.einsum("nd,nd->n", y[i], y[j]),
    )


@dataclass(frozen=True)
class GroupMean:
    """Mean cosine of true pairs among the studies of one label."""

    label: str
    mean: Estimate


def cosine_by_label(
    x: np.ndarray, y: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, resamples: int = 1000
) -> list[GroupMean]:
    """Mean cosine of true pairs for each label with two or more studies, closest first.

    x, y (n_studies, dim); labels, groups (n_studies,). "" = no label, left out.
    """
    x, y = paired(x, y)
    cosines = np.einsum("nd,nd->n", x, y)
    means = []
    for label in sorted(set(labels) - {""}):
        chosen = np.flatnonzero(labels == label)
        if len(chosen) > 1:
            bootstrap = GroupBootstrap(groups[chosen], resamples=resamples)
            values = cosines[chosen]
            estimate = bootstrap.estimates(lambda w, v=values: (w @ v / w.sum(1))[:, None])[0]  # type: ignore[misc]
            means.append(GroupMean(str(label), estimate))
    return sorted(means, key=lambda g: -g.mean.value)
