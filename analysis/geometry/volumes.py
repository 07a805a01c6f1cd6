"""Volume and triangle area spanned by the vectors of a study in several modalities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import Matrix, paired_unit_rows
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap


@dataclass(frozen=True)
class Volumes:
    """Means over true tuples, one vector per modality; lower = closer together.

    gram_volume    sqrt |det G|, G_ab = <z_a, z_b>: the volume spanned by the vectors; 0 = linearly
                   dependent, 1 = orthogonal. Opposite vectors also have volume 0
    triangle_area  sqrt(|u|^2 |w|^2 - <u, w>^2) / 2, u and w two sides of the triangle of the three vectors;
                   0..1.3. NaN unless there are three modalities
    """

    gram_volume: Estimate
    triangle_area: Estimate


def volumes(vectors: Sequence[Matrix], *, bootstrap: GroupBootstrap | None = None) -> Volumes:
    """Measure two or more modalities of the same studies, each (n_studies, dim) of unit rows.

    ValueError for fewer than two modalities. Sources: Cicchetti et al. 2025 (GRAM), whose code takes the
    determinant in float32; TRIANGLE, whose released code returns 2 area^2.
    """
    if len(vectors) < 2:
        raise ValueError(f"Expected two or more modalities, got {len(vectors)}.")
    first, *others = vectors
    unit = [paired_unit_rows(first, first)[0], *(paired_unit_rows(first, z)[1] for z in others)]
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(first)))
    gram = np.concatenate([_gram([z.take(rows) for z in unit]) for rows, _ in unit[0].blocks()])
    volume = _mean(np.sqrt(np.abs(np.linalg.det(gram))), bootstrap)
    if len(unit) != 3:
        reason = f"needs three modalities, got {len(unit)}"
        return Volumes(volume, bootstrap.undefined(reason))
    parts = [_area(*(z.take(rows) for z in unit)) for rows, _ in unit[0].blocks()]
    return Volumes(volume, _mean(np.concatenate(parts), bootstrap))


def _gram(parts: list[np.ndarray]) -> np.ndarray:
    """(n, modalities, modalities) products of the rows of each study."""
    stacked = np.stack(parts, axis=1)
    return stacked @ stacked.transpose(0, 2, 1)


def _area(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """(n,) areas of the triangles of a, b and c, (n, dim) each."""
    u, w = a - b, a - c
    uu, ww, uw = (np.einsum("nd,nd->n", p, q) for p, q in ((u, u), (w, w), (u, w)))
    return np.sqrt(np.maximum(uu * ww - uw**2, 0)) / 2


def _mean(values: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    mean = values.mean()
    return bootstrap.from_influence(np.array([mean]), values - mean, bounds=(0, np.inf))[0]
