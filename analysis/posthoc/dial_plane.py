"""The PCA plane of a gap dial, with coefficients that let the browser draw every strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suture.analysis.posthoc.dial import Motion
from suture.analysis.projection import principal_directions

Range = tuple[float, float]


@dataclass(frozen=True)
class Track:
    """Coefficients to draw one modality at any strength s: (start + s step) / |start + s step|.

    start, step     (n, 2) in the plane
    along, squared  (n,) start . step and |step|^2 in the whole space, for the length
                    |start + s step| = sqrt(1 + 2 s along + s^2 squared) for rows of length 1
    """

    start: np.ndarray
    step: np.ndarray
    along: np.ndarray
    squared: np.ndarray

    def at(self, strength: float) -> np.ndarray:
        """(n, 2) positions at a strength."""
        length = np.sqrt(1 + 2 * strength * self.along + strength**2 * self.squared)
        return (self.start + strength * self.step) / length[:, None]

    def coefficients(self) -> np.ndarray:
        """(n, 6) float32: start, step, along, squared of each row."""
        return np.column_stack([self.start, self.step, self.along, self.squared]).astype(np.float32)


@dataclass(frozen=True)
class Plane:
    """The two directions of largest variance, fixed for all strengths.

    axes (dim, 2); explained: share of variance of each direction
    """

    axes: np.ndarray
    tracks: dict[str, Track]
    explained: tuple[float, ...]

    def reach(self, strengths: Sequence[float]) -> tuple[Range, Range]:
        """(x range, y range) of the points at all these strengths, with a margin of 5 %."""
        positions = [t.at(s) for s in strengths for t in self.tracks.values()]
        low, high = (
            np.min([xy.min(axis=0) for xy in positions], 0),
            np.max([xy.max(axis=0) for xy in positions], 0),
        )
        pad = 0.05 * (high - low)
        (left, bottom), (right, top) = low - pad, high + pad
        return (float(left), float(right)), (float(bottom), float(top))


def plane(motions: Mapping[str, Motion]) -> Plane:
    """Principal components of all modalities stacked, at strengths 0 and 1."""
    stack = np.concatenate([m.at(s) for m in motions.values() for s in (0, 1)])
    centred = stack - stack.mean(axis=0)
    axes, explained = principal_directions(centred.T @ centred / len(stack))
    return Plane(axes, {name: _track(m, axes) for name, m in motions.items()}, explained)


def _track(m: Motion, axes: np.ndarray) -> Track:
    step = np.broadcast_to(m.step, m.start.shape)
    along, squared = np.einsum("nd,nd->n", m.start, step), np.einsum("nd,nd->n", step, step)
    return Track(m.start @ axes, step @ axes, along, squared)
