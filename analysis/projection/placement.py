"""Place new rows on an existing map, at the weighted position of their nearest known rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval.nearest import TIE, nearest

REFERENCE_QUANTILE = 0.99
SAMPLE = 4096
STEPS = 40  # bisection steps: sigma to 1e-12 of the largest distance


@dataclass(frozen=True)
class Placement:
    """Positions of new rows on an existing map, with their uncertainty.

    xy        (m, 2) float32
    spread    (m,) weighted root mean square distance of the known neighbours from the position, in map
              units. Lower = more certain; large = between groups
    outside   (m,) of bool: out of distribution: its neighbours are farther away in the full space than those
              of 99 % of the known rows. For rows of the known distribution, 1 % by chance
    """

    xy: np.ndarray
    spread: np.ndarray
    outside: np.ndarray


def place(new: np.ndarray, known: np.ndarray, xy: np.ndarray, *, k: int = 15, seed: int = 0) -> Placement:
    """Place new rows (m, dim) on the map xy (n, 2) of the known rows (n, dim); all unit rows.

    Weighted mean of the positions of the k nearest known rows by cosine, d = 1 - cos. The weight is UMAP's
    membership exp(-(d - d_1) / sigma), sigma such that the memberships sum to log2 k, divided by d, so
    that a known row gets its own position. `outside` compares the mean of d with a seeded sample of 4,096
    known rows and their k nearest others. k is at most n. ValueError unless there is one position per
    known row, at least two known rows, and equal dims.
    """
    new, known = np.atleast_2d(new), np.asarray(known)
    if len(known) < 2 or np.shape(xy) != (len(known), 2):
        raise ValueError(
            f"Expected at least 2 known rows and (n, 2) positions, got {len(known)} and {np.shape(xy)}."
        )
    if new.shape[1] != known.shape[1]:
        raise ValueError(f"New and known rows need equal dims, got {new.shape[1]} and {known.shape[1]}.")
    cosines, rows = nearest(new, known, k=k)
    centre, spread = weighted_places(cosines, np.asarray(xy)[rows])
    distances = np.maximum(1 - cosines.astype(np.float64), 0)
    limit = np.quantile(_own_distances(known, k, seed), REFERENCE_QUANTILE)
    return Placement(centre, spread, distances.mean(axis=1) > limit + TIE)


def weighted_places(cosines: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`Placed.xy` and `Placed.spread` of new rows from known neighbours.

    cosines (m, k) descending, places (m, k, 2): positions of the neighbours of each new row.
    """
    distances = np.maximum(1 - cosines.astype(np.float64), 0)
    weights = _memberships(distances) / np.maximum(distances, TIE)
    weights /= weights.sum(axis=1, keepdims=True)
    places = np.asarray(places, dtype=np.float64)
    centre = np.einsum("mk,mkc->mc", weights, places)
    spread = np.sqrt(np.einsum("mk,mkc->m", weights, np.square(places - centre[:, None])))
    return centre.astype(np.float32), spread


def _memberships(distances: np.ndarray) -> np.ndarray:
    """exp(-(d - d_1) / sigma) with sigma so that rows sum to log2 k, by bisection; distances ascend."""
    beyond = distances - distances[:, :1]
    target = np.log2(max(beyond.shape[1], 2))
    low, high = np.zeros((len(beyond), 1)), np.full((len(beyond), 1), beyond.max(initial=TIE) * 64)
    for _ in range(STEPS):
        sigma = (low + high) / 2
        much = np.exp(-beyond / sigma).sum(axis=1, keepdims=True) > target
        low, high = np.where(much, low, sigma), np.where(much, sigma, high)
    return np.exp(-beyond / high)


def _own_distances(known: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Mean distance of known rows, or a sample of them, to their k nearest others."""
    rows = np.arange(len(known))
    if len(known) > SAMPLE:
        rows = np.random.default_rng(seed).choice(len(known), size=SAMPLE, replace=False)
    cosines, _ = nearest(known[rows], known, k=k + 1)
    return np.maximum(1 - cosines[:, 1:], 0).mean(axis=1)  # the first is the row itself or an equal row
