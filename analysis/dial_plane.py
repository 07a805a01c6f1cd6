"""One picture for every position of a gap dial, cheap enough to follow the hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.dial import Motion
from analysis.projection import directions

Range = tuple[float, float]


@dataclass(frozen=True)
class Track:
    """What one modality needs to be drawn at any strength s, by unit(start + s step) A.

    start, step     (n, 2), or (2,) where all rows move alike: both in the plane A
    along, squared  start . step and |step|^2, for the length |start + s step|
    """

    start: np.ndarray
    step: np.ndarray
    along: np.ndarray
    squared: np.ndarray

    def at(self, strength: float) -> np.ndarray:
        """(n, 2)."""
        length = np.sqrt(1 + 2 * strength * self.along + strength**2 * self.squared)
        return (self.start + strength * self.step) / length[:, None]


@dataclass(frozen=True)
class Plane:
    """The two directions of largest variance, fitted once: points move and the plane stays.

    middle (2,) is the origin of the picture; explained: share of variance of each direction
    """

    middle: np.ndarray
    tracks: dict[str, Track]
    explained: tuple[float, ...]

    def at(self, strength: float) -> dict[str, np.ndarray]:
        """modality -> (n, 2) float32."""
        return {m: (t.at(strength) - self.middle).astype(np.float32) for m, t in self.tracks.items()}

    def reach(self, furthest: float) -> tuple[Range, Range]:
        """(x range, y range) that hold the points at 0, 1 and the furthest strength, with a rim of 5 %."""
        seen = np.concatenate([xy for s in (0, 1, furthest) for xy in self.at(s).values()])
        low, high = seen.min(axis=0).astype(float), seen.max(axis=0).astype(float)
        rim = 0.05 * (high - low)
        (left, bottom), (right, top) = low - rim, high + rim
        return (float(left), float(right)), (float(bottom), float(top))


def plane(motions: Mapping[str, Motion]) -> Plane:
    """Principal components of all modalities together, as they are and at strength 1."""
    stack = np.concatenate([m.at(s) for m in motions.values() for s in (0, 1)])
    mean = stack.mean(axis=0)
    centred = stack - mean
    axes, explained = directions(centred.T @ centred / len(stack))
    tracks = {
        name: Track(
            m.start @ axes,
            m.step @ axes,
            np.einsum("nd,nd->n", m.start, np.broadcast_to(m.step, m.start.shape)),
            np.square(m.step).sum(axis=-1),
        )
        for name, m in motions.items()
    }
    return Plane(mean @ axes, tracks, explained)
