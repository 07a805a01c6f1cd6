"""Hubs: items that stand among the nearest of very many queries, and so crowd out the right ones."""

from __future__ import annotations

import numpy as np

from analysis.arrays import unit_rows
from analysis.neighbours import nearest


def hubness_skew(queries: np.ndarray, gallery: np.ndarray, *, k: int = 10) -> float:
    """Population skewness of N_k over the gallery: mean (N - mean N)^3 / sd(N)^3.

    Higher = a few hubs take most of the places; 0 = every item is found alike. Across modalities it
    differs by direction: measure both. Source: Radovanovic et al. 2010, biased as in scikit-hubness.
    """
    counts = occurrences(queries, gallery, k=k)
    centred = counts - counts.mean()
    spread = np.sqrt(np.square(centred).mean())
    return float((centred**3).mean() / spread**3) if spread > 0 else 0.0


def antihub_share(queries: np.ndarray, gallery: np.ndarray, *, k: int = 10) -> float:
    """Share of the gallery that is among the first k of no query at all; 0..1, lower = better."""
    return float((occurrences(queries, gallery, k=k) == 0).mean())


def occurrences(queries: np.ndarray, gallery: np.ndarray, *, k: int = 10) -> np.ndarray:
    """N_k: among the first k of how many queries each item is, (n_gallery,) of int.

    queries (n_queries, dim), gallery (n_gallery, dim). Equal items come in the order of the gallery, so
    that rounding has no say; k is cut to n_gallery. ValueError for rows without direction.
    """
    gallery = unit_rows(gallery)
    k = min(k, len(gallery))
    distinct, which, copies = np.unique(gallery, axis=0, return_inverse=True, return_counts=True)
    which = which.ravel()
    _, rows = nearest(unit_rows(queries), distinct, k=k)
    before = np.cumsum(copies[rows], axis=1) - copies[rows]
    places = np.clip(k - before, 0, copies[rows])  # how many copies of each still fit
    hits = np.stack([np.bincount(rows[places > copy], minlength=len(distinct)) for copy in range(k)])
    copy = _copy_number(which)
    return np.where(copy < k, hits[np.minimum(copy, k - 1), which], 0)


def _copy_number(which: np.ndarray) -> np.ndarray:
    """How many equal rows stand before each row."""
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], which)
    places = np.empty(len(which), dtype=int)
    places[order] = np.arange(len(which))
    return places - starts
