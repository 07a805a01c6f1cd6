"""Shapes and checks that every measurement shares.

X, Y: (n_studies, dim), row i of X pairs with row i of Y. Rows are of unit length.
"""

from __future__ import annotations

import numpy as np

BLOCK = 4096  # rows read at a time from matrices on disk
MIN_NORM = 1e-12
ROUNDING = 1e-14  # of the length of a row just divided by its length


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1 in float64. ValueError for a row without direction or not finite."""
    wide = np.asarray(matrix, dtype=np.float64)
    if wide.ndim != 2:
        raise ValueError(f"Expected (n_studies, dim), got shape {wide.shape}.")
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))[:, None]
    if not np.isfinite(norms).all() or (norms < MIN_NORM).any():
        bad = int((~np.isfinite(norms) | (norms < MIN_NORM)).sum())
        raise ValueError(f"{bad} of {len(wide)} rows are zero or not finite. Leave them out first.")
    if np.abs(norms - 1).max(initial=0) < ROUNDING:
        return wide  # the very array, if it was float64: what is known of it stays known
    return wide / norms


def paired(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both sides with unit rows. ValueError unless the shapes agree and there are two pairs."""
    if np.shape(x) != np.shape(y):
        raise ValueError(f"Paired modalities need one shape, got {np.shape(x)} and {np.shape(y)}.")
    if len(x) < 2:
        raise ValueError(f"At least 2 pairs are needed, got {len(x)}.")
    return unit_rows(x), unit_rows(y)


def pair_cosines(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n_studies,) cosine of each study's own two vectors; NaN but for `rows`, the studies that have both.

    x, y (n_studies, dim), any length; read a block at a time, so that matrices on disk stay there.
    """
    found = np.full(len(x), np.nan)
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        a, b = (np.asarray(z[some], np.float64) for z in (x, y))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found[some] = np.einsum("nd,nd->n", a, b) / lengths
    return found
