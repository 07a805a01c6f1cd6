"""New rows on an old map, which stays as it is: each goes where its known neighbours lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval.nearest import TIE, nearest

REFERENCE_QUANTILE = 0.99
SAMPLE = 4096
STEPS = 40  # halvings: sigma to 1e-12 of the largest distance


@dataclass(frozen=True)
class Placement:
    """Where new rows lie on an old map, and whether to believe it.

    xy        (m, 2) float32
    spread    (m,) how far apart the known neighbours lie on the map: weighted root mean square distance
              from the place, in the map's units. Lower = surer; large = it stands between groups
    outside   (m,) of bool: its neighbours are farther away in the full space than those of 99 % of the
              known rows are, so that the map has no place for it. Of rows like the known ones, 1 % are too
    """

    xy: np.ndarray
    spread: np.ndarray
    outside: np.ndarray


def place(new: np.ndarray, known: np.ndarray, xy: np.ndarray, *, k: int = 15, seed: int = 0) -> Placement:
    """Place new rows (m, dim) on the map xy (n, 2) of the known rows (n, dim); all unit rows.

    Weighted mean of the places of the k nearest known rows by cosine, d = 1 - cos. The weight is UMAP's
    membership exp(-(d - d_1) / sigma), sigma such that the memberships sum to log2 k, divided by d, so
    that a known row lands on its own place. `outside` compares the mean of d with a seeded sample of 4,096
    known rows and their k nearest others. k is cut to n. ValueError unless there is one place per known
    row, two known rows or more, and one dim.
    """
    new, known = np.atleast_2d(new), np.asarray(known)
    if len(known) < 2 or np.shape(xy) != (len(known), 2):
        raise ValueError(
            f"Expected 2 known rows or more and (n, 2) places, got {len(known)} and {np.shape(xy)}."
        )
    if new.shape[1] != known.shape[1]:
        raise ValueError(f"New and known rows need one dim, got {new.shape[1]} and {known.shape[1]}.")
    cosines, rows = nearest(new, known, k=k)
    centre, spread = weighted_places(cosines, np.asarray(xy)[rows])
    distances = np.maximum(1 - cosines.astype(np.float64), 0)
    usual = np.quantile(_own_distances(known, k, seed), REFERENCE_QUANTILE)
    return Placement(centre, spread, distances.mean(axis=1) > usual + TIE)


def weighted_places(cosines: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`Placed.xy` and `Placed.spread` of new rows whose neighbours are known already.

    cosines (m, k) falling, places (m, k, 2): those of each new row's neighbours.
    """
    distances = np.maximum(1 - cosines.astype(np.float64), 0)
    weights = _memberships(distances) / np.maximum(distances, TIE)
    weights /= weights.sum(axis=1, keepdims=True)
    places = np.asarray(places, dtype=np.float64)
    centre = np.einsum("mk,mkc->mc", weights, places)
    spread = np.sqrt(np.einsum("mk,mkc->m", weights, np.square(places - centre[:, None])))
    return centre.astype(np.float32), spread


def _memberships(distances: np.ndarray) -> np.ndarray:
    """exp(-(d - d_1) / sigma) with each row's sum log2 k, found by halving; distances ascend."""
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
    return np.maximum(1 - cosines[:, 1:], 0).mean(axis=1)  # the first is the row itself, or its equal
