"""Plane shapes as depth maps: how far inside a shape a point is (a negated signed distance).

`chord` turns depths into path lengths: a shape is treated as inflated, so a beam near its edge crosses less
of it than a beam through its middle. Coordinates and depths have the same unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]  # float32 in practice, for speed


def chord(depth: Floats, radius: ArrayLike) -> Floats:
    """Length of a beam through a body rounded with `radius` at the edge, at `depth` from it."""
    inside = np.clip(depth, 0, radius)
    return (2 * np.sqrt(inside * (2 * np.asarray(radius, np.float32) - inside))).astype(np.float32)


def ramp(values: Floats, low: float | Floats, high: float | Floats) -> Floats:
    """Smooth step from 0 at `low` to 1 at `high` (`low` may be the larger)."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def spline(points: ArrayLike, *, closed: bool = False, per_segment: int = 4) -> Floats:
    """Catmull-Rom curve through `points` (k, 2), `per_segment` points to each piece."""
    p = np.asarray(points, np.float32)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    q = np.concatenate([ends[0], p, ends[1]])
    a, b, c, d = (q[i : len(q) - 3 + i, None, :] for i in range(4))
    t = np.linspace(0, 1, per_segment, endpoint=False, dtype=np.float32)[None, :, None]
    curve = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat = curve.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, p[-1:]])


def norm(dx: Floats, dy: Floats) -> Floats:
    """Length of (dx, dy); np.hypot guards against overflow and is five times slower."""
    return np.sqrt(dx * dx + dy * dy)


def course(at: Floats, knots: ArrayLike) -> Floats:
    """A smooth curve through `knots` (k, 2) of (place, value), read off at `at`."""
    curve = spline(knots)
    return np.interp(at, curve[:, 0], curve[:, 1]).astype(np.float32)


def tube_depth(x: Floats, y: Floats, points: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """Depth inside a bent tube with a radius at every point; also the radius met there."""
    a, ab = points[:-1, :, None, None], np.diff(points, axis=0)[:, :, None, None]
    px, py = x[None] - a[:, 0], y[None] - a[:, 1]
    length2 = np.maximum(ab[:, 0] ** 2 + ab[:, 1] ** 2, 1e-12)
    t = np.clip((px * ab[:, 0] + py * ab[:, 1]) / length2, 0, 1)
    radius = radii[:-1, None, None] + t * np.diff(radii)[:, None, None]
    depth = radius - norm(px - t * ab[:, 0], py - t * ab[:, 1])
    best, its = depth[0], radius[0] * np.ones_like(x)
    for piece, around in zip(depth[1:], radius[1:], strict=True):
        its = np.where(piece > best, around, its)
        best = np.maximum(best, piece)
    return best, its


def outline_depth(x: Floats, y: Floats, points: Floats) -> Floats:
    """Depth inside a closed polygon (k, 2), negative outside it.

    Every pixel meets every edge; written as matrix products, which are fastest here.
    """
    pixels = np.stack([x.ravel(), y.ravel()])
    edges = np.roll(points, -1, axis=0) - points
    length2 = np.maximum((edges**2).sum(1), 1e-10)[:, None]
    share = (edges @ pixels - (edges * points).sum(1)[:, None]) / length2
    nearest = np.clip(share, 0, 1)
    corner2 = (points**2).sum(1)[:, None] - 2 * (points @ pixels)
    gap2 = (corner2 + nearest * (nearest - 2 * share) * length2).min(0) + (pixels**2).sum(0)
    turned = np.stack([-edges[:, 1], edges[:, 0]], 1)
    left = turned @ pixels > (turned * points).sum(1)[:, None]
    above = pixels[1] >= points[:, 1, None]
    below = np.roll(above, -1, axis=0)
    # A ray to the side crosses an edge that straddles it and lies on the ray's side.
    odd = ((above != below) & (left == above)).sum(0) % 2
    depth = np.where(odd, 1, -1) * np.sqrt(np.maximum(gap2, 0))
    return depth.reshape(x.shape).astype(np.float32)


def ellipse_depth(x: Floats, y: Floats, centre: ArrayLike, radii: ArrayLike, *, angle: float = 0.0) -> Floats:
    """Approximate depth inside an ellipse, exact on its edge; `angle` in radians."""
    (cx, cy), (rx, ry) = np.asarray(centre, float).tolist(), np.asarray(radii, float).tolist()
    c, s = float(np.cos(angle)), float(np.sin(angle))
    u, v = (c * (x - cx) + s * (y - cy)) / rx, (c * (y - cy) - s * (x - cx)) / ry
    return ((1 - norm(u, v)) * min(rx, ry)).astype(np.float32)


@dataclass(frozen=True)
class Shape:
    """Part of a bone: a path with radii (a tube), or a closed path with one radius (a plate)."""

    path: Floats
    radii: Floats
    closed: bool

    def depth(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Depth inside the shape and the radius that rounds it there."""
        if not self.closed:
            return tube_depth(x, y, self.path, self.radii)
        return outline_depth(x, y, self.path), self.radii[0]


def tube(points: ArrayLike, radii: ArrayLike) -> Shape:
    """A bent pipe through `points` (k, 2) with `radii` (k,) there."""
    return Shape(np.asarray(points, np.float32), np.asarray(radii, np.float32), False)


def plate(points: ArrayLike, radius: float) -> Shape:
    """A smooth closed outline through `points` (k, 2), its edge rounded with `radius`."""
    path = spline(points, closed=True, per_segment=3)
    return Shape(path, np.array([radius], np.float32), True)


def union_depth(shapes: tuple[Shape, ...], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Depth inside any of the shapes, and the radius of the one it belongs to."""
    depth, radius = shapes[0].depth(x, y)
    for shape in shapes[1:]:
        other, its = shape.depth(x, y)
        radius = np.where(other > depth, its, radius)
        depth = np.maximum(depth, other)
    return depth, radius
