"""Bowel gas: bubbles of air and mottled stool, as attenuation that is missing."""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.scene import MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, norm, ramp, tube_depth


def draw_gas(
    scene: Scene,
    centre: tuple[float, float],
    spread: tuple[float, float],
    *,
    count: int,
    radius: float,
) -> Floats:
    """`count` bubbles of about `radius` scattered around `centre`, merged where they touch."""
    rng, air = scene.anatomy, np.zeros_like(scene.x)
    for _ in range(count):
        spot = np.array(centre) + np.array(spread) * rng.uniform(-1, 1, 2)
        r, turn, long = radius * rng.uniform(0.45, 1.25), rng.uniform(0, 3.14), rng.uniform(0, 2)
        half = 0.6 * r * long * np.array([np.cos(turn), np.sin(turn)])
        path = np.array([spot - half, spot + half], np.float32)
        _merge(scene, air, path, np.array([r, r * rng.uniform(0.6, 1)], np.float32))
    return air * scene.fov * MU_WATER * 0.6 * (1 + 0.2 * scene.cloud)


def draw_colon(scene: Scene, path: Floats, radius: float, *, fill: float) -> Floats:
    """A haustrated gas-filled tube; `fill` in 0..1 mottles it with stool."""
    steps = np.arange(len(path))
    radii = radius * (1 + 0.22 * np.sin(steps * 1.9 + scene.anatomy.uniform(0, 6)))
    air = np.zeros_like(scene.x)
    _merge(scene, air, path, radii.astype(np.float32))
    mottle = 1 - fill * ramp(scene.grain + 0.6 * scene.cloud, -0.7, 0.6)
    return air * scene.fov * MU_WATER * 0.6 * mottle


def draw_loop(scene: Scene, path: Floats, radius: float) -> Floats:
    """A dilated small-bowel loop, crossed wall to wall by its folds."""
    air = np.zeros_like(scene.x)
    _merge(scene, air, path, np.full(len(path), radius, np.float32))
    win = scene.window(path, radius)
    x, y = scene.x[win], scene.y[win]
    gaps = norm(x - path[:, 0, None, None], y - path[:, 1, None, None])
    nearest = np.clip(gaps.argmin(0), 1, len(path) - 2)
    heading = path[nearest + 1] - path[nearest - 1]
    steps = np.hypot(*np.diff(path, axis=0).T)
    reach = np.concatenate([[0], np.cumsum(steps)])
    forward = (x - path[nearest, 0]) * heading[..., 0] + (y - path[nearest, 1]) * heading[..., 1]
    along = reach[nearest] + forward / norm(heading[..., 0], heading[..., 1])
    folds = ramp(np.cos(2 * np.pi * along / 0.021), 0.45, 1.0)
    air[win] *= 1 - 0.5 * folds
    return air * scene.fov * MU_WATER * 0.75


def _merge(scene: Scene, air: Floats, path: Floats, radii: Floats) -> None:
    win = scene.window(path, float(radii.max()))
    if not scene.x[win].size:
        return
    depth, radius = tube_depth(scene.x[win], scene.y[win], path, radii)
    air[win] = np.maximum(air[win], chord(depth, radius))
