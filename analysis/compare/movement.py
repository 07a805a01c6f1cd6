"""Which studies moved between two spaces, once what happened to all of them is taken away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import unit_rows
from suture.analysis.math.group_sums import label_codes
from suture.analysis.statistics.hypothesis_tests import benjamini_hochberg

FOLDS = 5
ROUNDS = 5
MIN_STUDIES = 20  # fewer have no bulk to stand out from
MAD_TO_SD, UPPER_FIFTH = 1.4826, 0.8416  # of a normal distribution
ROUNDING = 1e-6  # of float32 rows
LEAST_SPREAD = 0.01


@dataclass(frozen=True)
class Movement:
    """The change of each study of one modality, beyond shift, rotation and scale of the whole cloud.

    change     (n,) distance between its directions, seen from the middle of the cloud, in A and in B;
               0 = stayed, sqrt 2 = an unrelated place, 2 = the opposite one
    p          (n,) how often a study that did not move changes as much
    moved      (n,) of bool: the studies to name; at most `rate` of them by chance
    null       what "did not move" was measured on
    explained  share of the variance of these directions that a rotation explains, on studies it was not
               fitted on: (mean cosine)^2; 1 = the spaces differ by nothing else, 0 = they share nothing
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
    null    (m,) `change` between two seeds of one recipe: p = (1 + #(null >= change)) / (1 + m). Without
            it the bulk of the studies is the null: log change against its median and spread, normal
    groups  (n,) studies that are never on both sides of a fit; default: each alone
    rate    share of false alarms among the named (Benjamini-Hochberg)

    Means and the rotation (orthogonal Procrustes) are fitted on four fifths of the studies and
    read on the rest, so that no study pulls the fit towards itself; and again without the studies that
    moved, until these stay the same. The bulk as null asks who stands out: a change that is alike for all
    is none, and where more than a fifth move it sees little. Few studies against the dimensions cost power.
    ValueError for different numbers of studies or fewer than 20. Sources: Schoenemann 1966 (rotation),
    Efron 2004 (bulk as null), Vovk et al. 2005 (conformal p).
    """
    a, b = unit_rows(a), unit_rows(b)
    n = len(a)
    if n != len(b) or n < MIN_STUDIES:
        raise ValueError(
            f"At least {MIN_STUDIES} studies, the same in A and B, are needed, got {n} and {len(b)}."
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
    told = "the bulk of the studies" if null is None else f"{len(null):,} studies between two seeds"
    return Movement(change, p, moved, told, float(max(0.0, cosine) ** 2))


def _folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """(n,) number of the fold of each study; a group is in one fold."""
    codes = label_codes(groups)
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    return order[codes] % min(FOLDS, len(order))


def _changes(a: np.ndarray, b: np.ndarray, fold: np.ndarray, still: np.ndarray) -> tuple[np.ndarray, float]:
    """((n,) change of each study, fitted on the still ones of the other folds; their mean cosine)."""
    change, cosine = np.empty(len(a)), np.empty(len(a))
    for number in range(fold.max() + 1):
        here = fold == number
        others = ~here if fold.any() else here  # one group has nothing outside it
        fitted = still & others if (still & others).sum() >= 2 else others
        from_a, from_b = (_directions(z, fitted) for z in (a, b))
        u, _, v = np.linalg.svd(from_b[fitted].T @ from_a[fitted])
        turned = from_b[here] @ (u @ v)
        change[here] = np.linalg.norm(from_a[here] - turned, axis=1)
        cosine[here] = np.einsum("nd,nd->n", from_a[here], turned)
    return change, float(cosine[still].mean()) if still.any() else 0.0


def _directions(z: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Unit rows from the mean of the fitted rows; a row that lies on it stays 0.

    Directions, not places: in a cone of unit rows, a new offset stretches each study by its own factor.
    """
    centred = z - z[fitted].mean(axis=0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(length > ROUNDING, centred, 0) / np.maximum(length, ROUNDING)


def _p_of_bulk(change: np.ndarray) -> np.ndarray:
    """One-sided p of the log change against the middle of all, which studies that moved hardly touch.

    The spread is the larger of what MAD and upper fifth say, for a bulk with a long tail.
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
