"""Distribution of the cosines of true pairs for each value of a label (ridgeline plot)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

MAX_VALUES = 12  # values shown, those with most studies
MIN_STUDIES = 5  # studies of a value; with fewer, a density is meaningless
BLOCK = 4096  # values at a time
POINTS = 160
MIN_BANDWIDTH = 0.004  # smallest bandwidth, so that equal cosines still have a visible density


@dataclass(frozen=True)
class Ridge:
    """One value of a label: n studies in n_groups groups.

    medians, densities  cosines of true pairs of each set: their median, and their density over `Ridges.grid`
    difference          mean of B - A, paired, with its interval over groups; None without B, its interval NaN
                        below 5 groups
    """

    name: str
    n: int
    n_groups: int
    medians: tuple[float, ...]
    densities: tuple[np.ndarray, ...]
    difference: Estimate | None


@dataclass(frozen=True)
class Ridges:
    """rows sorted by the median of the last set, highest first; left_out: number of values not shown."""

    grid: np.ndarray
    rows: tuple[Ridge, ...]
    left_out: int


def ridges(
    cosines: Sequence[np.ndarray],
    by: np.ndarray,
    groups: np.ndarray,
    *,
    most: int = MAX_VALUES,
    fewest: int = MIN_STUDIES,
    resamples: int = 1000,
    seed: int = 0,
) -> Ridges:
    """Distribution of the cosines by value.

    cosines  one (n,) array per set, A then B: cosine of the true pair of each study, higher = closer
    by       (n,) of str; "" = no value. Shown are the `most` common values with at least `fewest` studies
    groups   (n,) patients or cases, the resampling unit

    Densities use Gaussian kernels with Silverman's bandwidth, 0.9 min(sd, IQR / 1.34) n^(-1/5).
    ValueError for different lengths.
    """
    lengths = [len(z) for z in (*cosines, by, groups)]
    if len(set(lengths)) > 1:
        raise ValueError(f"Expected one value per study in each array, got {lengths}.")
    by = np.asarray(by).astype(str)
    known = Counter(by[by != ""].tolist())
    names = [name for name, n in known.most_common(most) if n >= fewest]
    grid = _grid(cosines, np.isin(by, names))
    rows = [_ridge(name, cosines, by == name, np.asarray(groups), grid, resamples, seed) for name in names]
    return Ridges(grid, tuple(sorted(rows, key=lambda r: -r.medians[-1])), len(known) - len(rows))


def _ridge(
    name: str,
    cosines: Sequence[np.ndarray],
    chosen: np.ndarray,
    groups: np.ndarray,
    grid: np.ndarray,
    resamples: int,
    seed: int,
) -> Ridge:
    own = [np.asarray(c, np.float64)[chosen] for c in cosines]
    bootstrap = GroupBootstrap(groups[chosen], resamples=resamples, seed=seed)
    return Ridge(
        name,
        int(chosen.sum()),
        bootstrap.n_groups,
        tuple(float(np.median(c)) for c in own),
        tuple(density(c, grid) for c in own),
        paired_difference(*own, bootstrap=bootstrap) if len(own) > 1 else None,
    )


def paired_difference(a: np.ndarray, b: np.ndarray, *, bootstrap: GroupBootstrap) -> Estimate:
    """Mean of B - A of the same studies, (n,) each, with its interval over groups; above 0 = B is higher."""
    change = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    mean = float(change.mean())
    (estimate,) = bootstrap.from_influence(np.array([mean]), change - mean)
    return estimate


def density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Gaussian kernel density of values (n,) on a regular grid (g,); bandwidth at least one grid step."""
    low, high = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(high - low) / 1.34) or float(values.std())
    width = max(0.9 * spread * len(values) ** -0.2, MIN_BANDWIDTH, float(grid[1] - grid[0]))
    total = np.zeros(len(grid))
    for start in range(0, len(values), BLOCK):
        away = (grid[:, None] - values[None, start : start + BLOCK]) / width
        total += np.exp(-0.5 * np.square(away)).sum(axis=1)
    return total / (len(values) * width * np.sqrt(2 * np.pi))


def _grid(cosines: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """The range of the selected cosines with a margin, within -1 to 1."""
    values = np.concatenate([np.asarray(c, np.float64)[chosen] for c in cosines])
    if not len(values):
        return np.linspace(-1, 1, POINTS)
    pad = 0.1 * float(np.ptp(values)) + 0.02
    return np.linspace(max(-1.0, values.min() - pad), min(1.0, values.max() + pad), POINTS)
