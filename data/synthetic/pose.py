"""The position of the patient in the frame: shift, scale, rotation, mirror, and a slow bending.

Body coordinates are the frame's fractions before the patient moved, x to the image's right, y
downward; image coordinates are fractions of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from suture.data.synthetic.shapes import Floats


@dataclass(frozen=True)
class Pose:
    """Angle in radians (clockwise), shift in fractions of the frame.

    `waves` (k, 5) bends the body so that every patient is a little different; a row holds
    amplitude, frequency along x and y (cycles a frame), phase and heading (radians).
    """

    angle: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    mirror: bool = False
    waves: Floats = field(default_factory=lambda: np.zeros((0, 5), np.float32))

    def to_body(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Image fractions to body coordinates."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        du, dv = u - 0.5 - self.shift[0], v - 0.5 - self.shift[1]
        x, y = (c * du + s * dv) / self.scale, (c * dv - s * du) / self.scale
        for amplitude, fx, fy, phase, heading in self.waves:
            bend = amplitude * np.sin(2 * np.pi * (fx * u + fy * v) + phase)
            x, y = x + bend * np.cos(heading), y + bend * np.sin(heading)
        x = (-x if self.mirror else x) + 0.5
        return x.astype(np.float32), (y + 0.5).astype(np.float32)

    def to_image(self, points: ArrayLike) -> Floats:
        """Body points (k, 2) to image fractions, by fixed-point iteration on `to_body`."""
        target: Floats = np.asarray(points, np.float32)
        sign = -1.0 if self.mirror else 1.0
        c, s = np.cos(self.angle), np.sin(self.angle)
        guess: Floats = target.copy()
        for _ in range(3):  # each round shrinks the error by the bending's slope, about 0.05
            x, y = self.to_body(guess[:, 0], guess[:, 1])
            dx, dy = sign * (target[:, 0] - x), target[:, 1] - y
            guess = guess + self.scale * np.stack([c * dx - s * dy, s * dx + c * dy], 1)
        return guess

    def frame(self, points: Floats, margin: float) -> tuple[float, float, float, float]:
        """An image-fraction box (left, top, right, bottom) sure to hold body `points`.

        `margin` is room to leave around them. A box is carried over instead of the points, and
        the bending is only bounded: this runs once for every bone drawn.
        """
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        x, y = (left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5
        wide, high = (right - left) / 2 + margin, (bottom - top) / 2 + margin
        c, s = math.cos(self.angle), math.sin(self.angle)
        x = -x if self.mirror else x
        u = self.scale * (c * x - s * y) + 0.5 + self.shift[0]
        v = self.scale * (s * x + c * y) + 0.5 + self.shift[1]
        du = self.scale * (c * wide + abs(s) * high) + self.bend
        dv = self.scale * (c * high + abs(s) * wide) + self.bend
        return u - du, v - dv, u + du, v + dv

    @cached_property
    def bend(self) -> float:
        """The farthest that the bending moves a point, in image fractions."""
        return float(np.abs(self.waves[:, 0]).sum() * self.scale)
