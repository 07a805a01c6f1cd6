"""Similarity of two spaces over the same studies: CKA, Procrustes, mutual k-NN, RSA.

For images against texts, or one modality in A and in B. Rows of one space are never compared with rows of the
other, only the relations within each space, so the spaces may be rotated or differ in dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from suture.analysis.math.arrays import unit_rows
from suture.analysis.mixing.influence import BOUNDARY_FRACTION, boundary_places, without_double_counting
from suture.analysis.statistics.bootstrap import (
    Estimate,
    GroupBootstrap,
    seeded_sample,
    subset_bootstrap,
    with_sample_note,
)

K = 10
QUERIES = 10_000  # query studies for neighbours; above, a sample, against all studies
ITEMS = 1500  # studies for RSA, all pairs of them; above, a sample
STUDIES_PER_DIMENSION = 10  # studies per dimension, below which plain CKA is biased upward
MIN_VARIANCE = 1e-20  # mean squared distance to the centroid, below which all rows count as equal


@dataclass(frozen=True)
class SpaceAgreement:
    """Similarity of two spaces over the same studies.

    cka                   centred kernels' cosine, 0..1; 1 = equal up to rotation and scale
    cka_debiased          CKA with unbiased HSIC; about 0 for unrelated spaces, may be negative
    procrustes_disparity  residual after the best rotation and scale, 0..1; 0 = equal
    mutual_knn_at_10      share of common 10 nearest neighbours, 0..1, higher = more similar
    rsa                   rank correlation of all cosines, -1..1, higher = more similar
    """

    cka: Estimate
    cka_debiased: Estimate
    procrustes_disparity: Estimate
    mutual_knn_at_10: Estimate
    rsa: Estimate


@dataclass(frozen=True)
class NeighbourOverlap:
    """shares (q,): share of common k nearest of the studies rows (q,), 0..1.

    near   (2 q, k) the neighbour lists of these studies, in x and then in y
    sensitivities  (2 q, k) change of a share if the listed study occurs once more
    """

    shares: np.ndarray
    rows: np.ndarray
    k: int
    near: np.ndarray
    sensitivities: np.ndarray


def space_agreement(
    x: np.ndarray, y: np.ndarray, *, bootstrap: GroupBootstrap | None = None, seed: int = 0
) -> SpaceAgreement:
    """Compare two spaces over the same studies, x (n_studies, dim_x) and y (n_studies, dim_y).

    Rows are scaled to length 1. Above 10,000 studies, a seeded sample is used as neighbour queries (against
    all); above 1,500, a seeded sample for RSA. Intervals from the influence of each study.
    Cost O(n min(n, dim)^2). ValueError for different numbers of rows, or rows without direction.
    Sources: Kornblith et al. 2019 (CKA); Song et al. 2012 (unbiased HSIC); Huh et al. 2024 (mutual k-NN);
    Kriegeskorte et al. 2008 (RSA); Procrustes as in scipy.
    """
    x, y = _unit(x), _unit(y)
    if len(x) != len(y):
        raise ValueError(f"Expected two spaces over the same studies, got {len(x)} and {len(y)} rows.")
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(x)))
    if len(x) < 2 or any(np.square(z - z.mean(axis=0)).sum() < MIN_VARIANCE * len(z) for z in (x, y)):
        reason = "needs 2 studies" if len(x) < 2 else "all rows of a space are equal"
        return SpaceAgreement(*[bootstrap.undefined(reason)] * 5)
    xc, yc = (_compact(z - z.mean(axis=0)) for z in (x, y))
    return SpaceAgreement(
        *_cka(xc, yc, bootstrap, dim=max(x.shape[1], y.shape[1])),
        _procrustes(xc, yc, bootstrap),
        _mutual_knn(x, y, bootstrap, seed=seed),
        _rsa(x, y, bootstrap, seed=seed),
    )


def neighbourhood_overlap(
    x: np.ndarray, y: np.ndarray, *, k: int = K, limit: int = QUERIES, seed: int = 0
) -> NeighbourOverlap:
    """For each study, the share of the k nearest by cosine that are the same in two spaces; 1 = all.

    x (n_studies, dim_x), y (n_studies, dim_y). Exact, self excluded, equal rows by row order. Above
    `limit` studies a seeded sample is used as queries, against all. Chance level k / (n - 1).
    ValueError for different numbers of rows, or fewer than k + 1.
    """
    if len(x) != len(y) or len(x) <= k:
        raise ValueError(
            f"Expected two spaces over the same studies, more than {k}, got {len(x)} and {len(y)}."
        )
    rows = seeded_sample(len(x), limit, seed)
    places = min(k + k // BOUNDARY_FRACTION + 1, len(x) - 1)  # up to the end of the boundary
    near = [_near(z, rows, places) for z in (x, y)]
    common = [_common(a, b[:, :k]) for a, b in (near, near[::-1])]
    shares = common[0][:, :k].sum(axis=1) / k
    # common neighbours count half for each list; in each list, an added study replaces the boundary
    sensitivities = [
        (c[:, :k] / 2 - c[:, boundary_places(k, places)].mean(axis=1, keepdims=True)) / k for c in common
    ]
    return NeighbourOverlap(
        shares, rows, k, *(np.concatenate([v[:, :k] for v in side]) for side in (near, sensitivities))
    )


def _common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(q, places) bool: the study at this rank of a is in the list b (q, k) of the same row."""
    return (a[:, :, None] == b[:, None, :]).any(axis=2)


def _unit(z: np.ndarray) -> np.ndarray:
    return unit_rows(z) if len(z) else np.asarray(z, dtype=np.float64)


def _compact(z: np.ndarray) -> np.ndarray:
    """Coordinates with the same inner products in min(n, dim) dimensions."""
    n, dim = z.shape
    return z if n >= dim else np.asarray(np.linalg.qr(z.T, mode="r")).T


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n,) float64: sum over j of <a_i, a_j> <b_i, b_j>, without an n x n matrix."""
    return np.einsum("nd,nd->n", a @ (a.T @ b), b)


def _lengths(z: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", z, z)


def _cka(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap, *, dim: int) -> tuple[Estimate, Estimate]:
    """Plain and debiased CKA of centred rows."""
    n, pairs = len(x), ((x, y), (x, x), (y, y))
    plain = [_products(a, b) for a, b in pairs]
    few = f"; {n:,} studies for {dim:,} dimensions: biased upward, use the debiased CKA"
    cka = replace(
        _cosine(plain, bootstrap, bounds=(0, 1)), note=few if n < STUDIES_PER_DIMENSION * dim else ""
    )
    if n < 4:
        return cka, bootstrap.undefined(f"needs 4 studies, there are {n}")
    free = [_unbiased(h, _lengths(a), _lengths(b)) for h, (a, b) in zip(plain, pairs, strict=True)]
    if min(free[1].mean(), free[2].mean()) <= 0:
        return cka, bootstrap.undefined("a space has no structure beyond chance")
    return cka, _cosine(free, bootstrap, bounds=(-np.inf, 1))


def _unbiased(products: np.ndarray, d: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Contribution of each study to n (n - 3) HSIC, unbiased: without diagonals, corrected for centring.

    For centred rows the row sums of the kernel without its diagonal are -d, d the squared lengths; the three
    terms of Song et al. 2012, equation 5, are then sums over studies.
    """
    n = len(d)
    cross = (d * e.sum() + e * d.sum()) / (2 * (n - 1) * (n - 2))
    return products - d * e - 2 * d * e / (n - 2) + cross


def _cosine(shares: list[np.ndarray], bootstrap: GroupBootstrap, *, bounds: tuple[float, float]) -> Estimate:
    """<K, L> / (|K| |L|) from each study's contribution to <K, L>, <K, K>, <L, L>, as row and column."""
    (across, xx, yy), scale = shares, np.sqrt(shares[1].mean() * shares[2].mean())
    value = across.mean() / scale
    influence = 2 * across / scale - value * (xx / xx.mean() + yy / yy.mean())
    return bootstrap.from_influence(np.array([value]), influence, bounds=bounds)[0]


def _procrustes(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    """1 - (sum of singular values of x^T y)^2 / (|x|^2 |y|^2); the rotation is fixed to first order."""
    left, singular, right = np.linalg.svd(x.T @ y, full_matrices=False)
    d, e = _lengths(x), _lengths(y)
    kept = singular.sum() ** 2 / (d.sum() * e.sum())
    shared = 2 * np.einsum("nd,nd->n", x @ (left @ right), y) / (singular.sum() / len(x) or 1)
    influence = -kept * (shared - d / d.mean() - e / e.mean())
    return bootstrap.from_influence(np.array([1 - kept]), influence, bounds=(0, 1))[0]


def _mutual_knn(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap, *, seed: int) -> Estimate:
    n = len(x)
    if n <= K:
        return bootstrap.undefined(f"needs {K + 1} studies, there are {n}")
    overlap = neighbourhood_overlap(x, y, seed=seed)
    value = overlap.shares.mean()
    sensitivities = overlap.sensitivities.ravel() * n / len(overlap.rows)
    influence = np.bincount(overlap.near.ravel(), sensitivities, minlength=n)
    influence -= influence.mean()
    influence[overlap.rows] += (overlap.shares - value) * n / len(overlap.rows)
    query_rows = np.repeat(np.tile(overlap.rows, 2), K)
    influence = without_double_counting(influence, query_rows, overlap.near.ravel(), sensitivities)
    (estimate,) = bootstrap.from_influence(np.array([value]), influence, bounds=(0, 1))
    queried, note = subset_bootstrap(bootstrap, overlap.rows, n), f"; {K / (n - 1):.2g} by chance"
    estimate = replace(estimate, n=queried.n, n_groups=queried.n_groups, note=note)
    return with_sample_note(estimate, len(overlap.rows), n)


def _near(z: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """(q, k) nearest rows of z for some of its rows, self excluded."""
    from suture.analysis.retrieval.distinct_rows import distinct_rows
    from suture.analysis.retrieval.engine import search

    neighbours = search(distinct_rows(z[rows]), distinct_rows(z), forward=[], k=k + 1)[0].nearest
    itself = neighbours == rows[:, None]
    itself[~itself.any(axis=1), -1] = True  # if earlier copies of the row fill the list
    return neighbours[~itself].reshape(len(rows), k)


def _rsa(x: np.ndarray, y: np.ndarray, bootstrap: GroupBootstrap, *, seed: int) -> Estimate:
    """Spearman's correlation of the cosines of all pairs of studies."""
    chosen = seeded_sample(len(x), ITEMS, seed)
    draws = subset_bootstrap(bootstrap, chosen, len(x))
    upper = np.triu_indices(len(chosen), 1)
    # rounded, so that cosines of equal rows tie
    a, b = (_midranks((z[chosen] @ z[chosen].T)[upper].round(12)) for z in (x, y))
    spread = np.sqrt(np.mean(a * a) * np.mean(b * b))
    if spread == 0:
        return draws.undefined("all cosines of a space are equal")
    value = np.mean(a * b) / spread
    # A pair contributes its own product and shifts the ranks of all others; a study contributes all its
    # pairs.
    pair_influence = 2 * (a * b + _moved(a, b) + _moved(b, a)) / spread
    first, second = (np.bincount(side, pair_influence, minlength=len(chosen)) for side in upper)
    by_study = (first + second) / (len(chosen) - 1)
    (estimate,) = draws.from_influence(np.array([value]), by_study - by_study.mean(), bounds=(-1, 1))
    return with_sample_note(estimate, len(chosen), len(x))


def _midranks(values: np.ndarray) -> np.ndarray:
    """Centred ranks within -1/2..1/2, ties by mid-rank."""
    from scipy.stats import rankdata

    return (rankdata(values) - (len(values) + 1) / 2) / len(values)


def _moved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Change of sum(a b) / n through the ranks if a value is added at each a: mean of b above, ties half."""
    order = np.argsort(a, kind="stable")
    _, first, place, counts = np.unique(a[order], return_index=True, return_inverse=True, return_counts=True)
    total = np.cumsum(np.r_[0.0, b[order]])
    above = total[-1] - (total[first] + total[first + counts]) / 2
    moved = np.empty(len(a))
    moved[order] = above[place] / len(a)
    return moved
