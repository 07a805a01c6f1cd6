"""Studies that moved between two spaces, after removing shift, rotation and scale of the whole set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import unit_rows
from suture.analysis.math.group_sums import label_codes
from suture.analysis.statistics.hypothesis_tests import benjamini_hochberg

FOLDS = 5
ROUNDS = 5
MIN_STUDIES = 20  # with fewer, no null distribution can be estimated
MAD_TO_SD, UPPER_FIFTH = 1.4826, 0.8416  # of a normal distribution
ROUNDING = 1e-6  # of float32 rows
LEAST_SPREAD = 0.01


@dataclass(frozen=True)
class Movement:
    """The change of each study of one modality, beyond shift, rotation and scale of the whole set.

    change     (n,) distance between its directions from the centroid in A and in B; 0 = unchanged,
               sqrt 2 = unrelated direction, 2 = opposite direction
    p          (n,) probability that a study that did not move changes at least as much
    moved      (n,) of bool: studies reported as moved, at a false discovery rate of `rate`
    null       the source of the null distribution
    explained  share of the variance of these directions that a rotation explains on held-out studies:
               (mean cosine)^2; 1 = the spaces differ only by a rotation, 0 = they share nothing
    """

    change: np.ndarray
    p: np.ndarray
    moved: np.ndarray
    null: str
    explained: float


def movement(
    a: np.ndarray,
    b: np.ndarray,
    *,
    null: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    rate: float = 0.05,
    seed: int = 0,
) -> Movement:
    """Find the studies that moved from A to B in the full space.

    a, b    (n, dim_a), (n, dim_b) rows of one modality, row i of both = study i; the narrower is padded
            with zeros
    null    (m,) `change` between two seeds of one recipe: p = (1 + #(null >= change)) / (1 + m). Default:
            empirical null from the bulk of the studies, log change as normal with robust median and spread
    groups  (n,) groups that are kept in one fold; default: one study per group
    rate    false discovery rate (Benjamini-Hochberg)

    Means and the rotation (orthogonal Procrustes) are cross-fitted: fitted on four fifths of the studies and
    applied to the rest, so that no study influences its own fit. The fit is repeated without the studies that
    moved until the selection is stable. The empirical null detects outliers: a change common to all studies
    is not detected, and power is low where more than a fifth move or n is small relative to the dimensions.
    ValueError for different numbers of studies or fewer than 20. Sources: Schoenemann 1966 (rotation),
    Efron 2004 (empirical null), Vovk et al. 2005 (conformal p).
    """
    a, b = unit_rows(a), unit_rows(b)
    n = len(a)
    if n != len(b) or n < MIN_STUDIES:
        raise ValueError(
            f"Expected at least {MIN_STUDIES} studies, the same in A and B, got {n} and {len(b)}."
        )
    a, b = (np.pad(z, ((0, 0), (0, max(a.shape[1], b.shape[1]) - z.shape[1]))) for z in (a, b))
    fold = _folds(np.arange(n) if groups is None else np.asarray(groups), seed)
    moved = np.zeros(n, dtype=bool)
    for _ in range(ROUNDS):
        change, cosine = _changes(a, b, fold, ~moved)
        p = _p_of_bulk(change) if null is None else _conformal_p(change, np.asarray(null))
        before, moved = moved, benjamini_hochberg(p, rate=rate)
        if (moved == before).all():
            break
    source = "the bulk of the studies" if null is None else f"{len(null):,} studies between two seeds"
    return Movement(change, p, moved, source, float(max(0.0, cosine) ** 2))


def _folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """(n,) fold of each study; a group is in one fold."""
    codes = label_codes(groups)
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    return order[codes] % min(FOLDS, len(order))


def _changes(a: np.ndarray, b: np.ndarray, fold: np.ndarray, unmoved: np.ndarray) -> tuple[np.ndarray, float]:
    """((n,) change of each study, fitted on the unmoved studies of the other folds; their mean cosine)."""
    change, cosine = np.empty(len(a)), np.empty(len(a))
    for number in range(fold.max() + 1):
        here = fold == number
        others = ~here if fold.any() else here  # with one group there is no other fold
        fitted = unmoved & others if (unmoved & others).sum() >= 2 else others
        from_a, from_b = (_directions(z, fitted) for z in (a, b))
        u, _, v = np.linalg.svd(from_b[fitted].T @ from_a[fitted])
        rotated = from_b[here] @ (u @ v)
        change[here] = np.linalg.norm(from_a[here] - rotated, axis=1)
        cosine[here] = np.einsum("nd,nd->n", from_a[here], rotated)
    return change, float(cosine[unmoved].mean()) if unmoved.any() else 0.0


def _directions(z: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Directions of the rows from the mean of the fitted rows; a row equal to the mean stays 0.

    Directions rather than positions, since in a cone of unit rows an offset scales each study differently.
    """
    centred = z - z[fitted].mean(axis=0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(length > ROUNDING, centred, 0) / np.maximum(length, ROUNDING)


def _p_of_bulk(change: np.ndarray) -> np.ndarray:
    """One-sided p of the log change under a normal null with the median, which outliers hardly affect.

    The spread is the larger of the estimates from the MAD and the upper fifth, in case of a long tail.
    """
    from scipy.special import ndtr

    logs = np.log(np.maximum(change, ROUNDING))
    middle, upper = np.quantile(logs, [0.5, 0.8])
    spread = max(MAD_TO_SD * np.median(np.abs(logs - middle)), (upper - middle) / UPPER_FIFTH)
    return ndtr((middle - logs) / max(spread, LEAST_SPREAD))


def _conformal_p(change: np.ndarray, null: np.ndarray) -> np.ndarray:
    ordered = np.sort(null)
    as_large = len(ordered) - np.searchsorted(ordered, change, side="left")
    return (1 + as_large) / (1 + len(ordered))
