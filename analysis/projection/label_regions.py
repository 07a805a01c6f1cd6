"""Regions of a map where a label value is concentrated, for name labels on the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = 48  # cells a side
BLUR = 1.5  # cells, standard deviation
MIN_POINTS = 5  # points of a value
ODDS = 3.0  # times as likely as on the whole map
MAX_NAMES = 40  # names


@dataclass(frozen=True)
class Region:
    """The region where one value of a label is concentrated.

    x, y    position in map units: mean of the points of the value around the peak
    name    the value
    n       points of that value on the whole map
    share   share of this value among the labelled points around the position, 0..1; higher = purer
    """

    x: float
    y: float
    name: str
    n: int
    share: float


def label_regions(xy: np.ndarray, labels: np.ndarray, *, odds: float = ODDS) -> tuple[Region, ...]:
    """Label regions of a map xy (n, 2), most points first; labels (n,) of str, "" = no label.

    Points are counted in 48 x 48 cells and smoothed. The position of a value is where count x share is
    largest. A value has a region if its odds there are at least `odds` times those on the whole map, and if
    it has at least five points. Rows of NaN are left out. ValueError for different lengths.
    """
    xy, labels = np.asarray(xy, dtype=np.float64), np.asarray(labels).astype(str)
    if xy.shape != (len(labels), 2):
        raise ValueError(f"Expected one position (2,) per label, got {xy.shape} and {len(labels)} labels.")
    known = np.isfinite(xy).all(axis=1) & (labels != "")
    xy, labels = xy[known], labels[known]
    if not len(xy):
        return ()
    cells, edges = _cells(xy)
    everything = _smooth(cells)
    values, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    candidates = (
        _region(str(values[v]), xy[codes == v], cells[codes == v], everything, edges, len(xy))
        for v in np.flatnonzero(counts >= MIN_POINTS)
    )
    named = [(region, lift) for region, lift in candidates if lift >= odds]
    return tuple(region for region, _ in sorted(named, key=lambda r: (-r[0].n, r[0].name))[:MAX_NAMES])


def _cells(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n, 2) cell of each point, (2, 2) low corner and size of a cell); cells are square."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    side = float((high - low).max()) / GRID or 1.0
    return np.minimum(((xy - low) / side).astype(int), GRID - 1), np.array([low, [side, side]])


def _smooth(cells: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    counts = np.zeros((GRID, GRID))
    np.add.at(counts, tuple(cells.T), 1.0)
    return gaussian_filter(counts, BLUR, mode="constant")


def _region(
    name: str, xy: np.ndarray, cells: np.ndarray, everything: np.ndarray, edges: np.ndarray, total: int
) -> tuple[Region, float]:
    """The region of a value, and the ratio of its odds there to those on the whole map."""
    own = _smooth(cells)
    shares = np.divide(own, everything, out=np.zeros_like(own), where=own > 1e-9)
    peak = np.unravel_index(int((own * shares).argmax()), own.shape)
    near = np.abs(cells - peak).max(axis=1) <= 2 * BLUR
    low, side = edges
    place = xy[near].mean(axis=0) if near.any() else low + (np.array(peak) + 0.5) * side
    share = float(min(shares[peak], 1.0))
    rest, overall = max(1 - share, 1e-9), len(xy) / total
    lift = share / rest / max(overall / max(1 - overall, 1e-9), 1e-9)
    return Region(float(place[0]), float(place[1]), name, len(xy), share), lift
