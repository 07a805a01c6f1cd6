"""The full cosine matrix within and across two modalities, with studies sorted by a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suture.analysis.math.arrays import paired_unit_arrays

MAX_STUDIES = 240  # studies; with more, cells are smaller than a pixel
MAX_VALUES = 12  # values with a name; the rest are grouped at the end
OTHERS, NO_VALUE = "others", "no value"


@dataclass(frozen=True)
class StudyOrder:
    """The studies that are shown, sorted by value.

    rows   (m,) rows of the studies, grouped by value
    names  values in order; starts (len(names) + 1,) first row of each value, then m
    of     number of studies from which these were sampled
    """

    rows: np.ndarray
    names: tuple[str, ...]
    starts: np.ndarray
    of: int


def study_order(
    by: Sequence[object], *, limit: int = MAX_STUDIES, most: int = MAX_VALUES, seed: int = 0
) -> StudyOrder:
    """Sort studies by a label, at most `limit` of them, drawn without replacement by the seed.

    by  one value per study; "" = none. Order: numbers by size, names alphabetically, then all but the `most`
        common values as "others", then "no value". Studies with equal values keep their order.
    """
    values = np.array([str(v).strip() for v in by], dtype=object)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(values))[:limit])
    names, counts = np.unique(values[chosen][values[chosen] != ""].astype(str), return_counts=True)
    common = sorted(names[np.argsort(-counts, kind="stable")[:most]].tolist(), key=_by_size)
    place = {name: i for i, name in enumerate(common)}
    ranks = np.array([place.get(v, len(common) + (v == "")) for v in values[chosen]], dtype=int)
    sorted_ = np.argsort(ranks, kind="stable")
    shown, starts = np.unique(ranks[sorted_], return_index=True)
    titles = [*common, OTHERS, NO_VALUE]
    return StudyOrder(
        chosen[sorted_], tuple(titles[r] for r in shown), np.append(starts, len(chosen)), len(values)
    )


def _by_size(name: str) -> tuple[float, str]:
    try:
        number = float(name.split(" ", 1)[0])
    except ValueError:
        number = np.inf
    return (number if np.isfinite(number) else np.inf), name


@dataclass(frozen=True)
class CosineBlocks:
    """cosines (2 m, 2 m) float32, symmetric: m rows of x, then the same studies of y. Blocks:

        x with x | x with y
        y with x | y with y

    The diagonals of the off-diagonal blocks are the true pairs.
    """

    cosines: np.ndarray

    def reach(self) -> float:
        """The 99.5th percentile of |cosine| of different vectors, rounded up to the next 0.05."""
        size = np.abs(self.cosines[~np.eye(len(self.cosines), dtype=bool)])
        return float(np.clip(np.ceil(np.quantile(size, 0.995) * 20) / 20, 0.05, 1))


def cosine_blocks(x: np.ndarray, y: np.ndarray) -> CosineBlocks:
    """Cosines within and across x and y (m, dim), row i of both is the same study.

    ValueError unless x and y have the same shape.
    """
    x, y = paired_unit_arrays(x, y)
    both = np.concatenate([x, y])
    return CosineBlocks(np.clip(both @ both.T, -1, 1).astype(np.float32))
