"""Findings of bones and joints in any region: fractures, lesions, osteoarthritis, metal, swelling.

Fractures and lesions are effects: they are stored in the scene under the bone's name, and change the bone
when it is drawn. Points, directions and radii are in body coordinates; `amount` is in 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import map_coordinates

from suture.data.synthetic.scene import Effect, Scene
from suture.data.synthetic.shapes import Floats, norm, ramp, tube_depth

OPAQUE = 4.5  # attenuation of any metal: nothing behind it is seen


def break_bone(
    scene: Scene,
    bone: str,
    point: ArrayLike,
    axis: ArrayLike,
    radius: float,
    amount: float,
    *,
    reach: float = 5.0,
    oblique: float = 0.45,
    finding: str = "fracture",
) -> None:
    """Break `bone` across `axis`: a lucent line, and the far fragment is displaced."""
    centre, along = np.asarray(point, float), _unit(axis)
    lean = scene.detail.uniform(-oblique, oblique)
    normal = _unit(along + lean * _across(along))
    push = _across(along) * scene.detail.choice([-1.0, 1.0])
    step = push * radius * (0.3 + 0.75 * amount) - along * radius * 0.25 * amount
    pixels = _in_pixels(scene, centre, step)
    gap = 0.004 + 0.006 * amount

    def effect(x: Floats, y: Floats, patch: Floats) -> Floats:
        beyond = (x - centre[0]) * normal[0] + (y - centre[1]) * normal[1]
        near = ramp(norm(x - centre[0], y - centre[1]), reach * radius, 0.5 * reach * radius)
        moved = near * ramp(beyond, -0.002, 0.002)
        rows, cols = np.indices(patch.shape, dtype=np.float32)
        source = [rows - pixels[1] * moved, cols - pixels[0] * moved]
        stepped = map_coordinates(patch, source, order=1, mode="nearest")
        line = ramp(np.abs(beyond), gap + 0.003, gap - 0.002)
        close = ramp(norm(x - centre[0], y - centre[1]), 3.2 * radius, 2.2 * radius)
        return stepped * (1 - 0.85 * line * close)

    _add_effect(scene, bone, effect)
    scene.locate(finding, centre, radius * 1.6)


def lesion(scene: Scene, bone: str, point: ArrayLike, radius: float, *, lytic: bool, finding: str) -> None:
    """A lytic hole with a faint rim, or a sclerotic (denser) patch, in `bone`."""
    cx, cy = np.asarray(point, float)
    wobble, phase = scene.detail.uniform(0.05, 0.18), scene.detail.uniform(0, 6.28)

    def effect(x: Floats, y: Floats, patch: Floats) -> Floats:
        turn = np.arctan2(y - cy, x - cx)
        away = norm(x - cx, y - cy) / (radius * (1 + wobble * np.sin(3 * turn + phase)))
        core = ramp(away, 1.05, 0.75)
        if not lytic:
            return patch * (1 + 0.6 * core) + 0.2 * core * (patch > 0.02)
        rim = ramp(np.abs(away - 1.08), 0.16, 0.0)
        return patch * (1 - 0.82 * core + 0.22 * rim)

    _add_effect(scene, bone, effect)
    scene.locate(finding, (cx, cy), radius)


def worn_joint(scene: Scene, point: ArrayLike, axis: ArrayLike, half_width: float, amount: float) -> None:
    """Subchondral sclerosis on both sides of a joint, and osteophytes at its margins."""
    centre, along = np.asarray(point, float), _unit(axis)
    side = _across(along)
    win = scene.window(centre[None].astype(np.float32), half_width * 1.6 + 0.02)
    dx, dy = scene.x[win] - np.float32(centre[0]), scene.y[win] - np.float32(centre[1])
    s, t = dx * along[0] + dy * along[1], dx * side[0] + dy * side[1]
    thick = 0.16 * half_width + 0.006
    band = np.exp(-(((np.abs(s) - 1.3 * thick) / thick) ** 2)) * ramp(
        np.abs(t), half_width * 1.05, half_width * 0.75
    )
    hard = min(1.0, 0.3 + half_width * 8)  # thin bones have less of everything
    dense = (0.12 + 0.38 * amount) * band * (scene.bone[win] > 0.05)
    spur = half_width * (0.12 + 0.16 * amount)
    for edge in (-1, 1):
        away = norm((np.abs(s) - 0.5 * spur) * 1.3, t - edge * half_width * 1.02)
        dense += (0.25 + 0.3 * amount) * ramp(away, spur * 1.2, spur * 0.3)
    scene.bone[win] += hard * dense
    scene.locate("osteoarthritis", centre, half_width)


def metal(scene: Scene, points: ArrayLike, radius: float) -> None:
    """A metal rod or screw along `points`; it hides everything behind it."""
    path = np.asarray(points, np.float32)
    win = scene.window(path, radius)
    depth, _ = tube_depth(scene.x[win], scene.y[win], path, np.full(len(path), radius, np.float32))
    edge = 0.6 / scene.size
    thin = min(1.0, radius * scene.size)  # rods thinner than two pixels fill only part of them
    scene.metal[win] = np.maximum(scene.metal[win], thin * OPAQUE * ramp(depth, -edge, edge))


def plate_and_screws(
    scene: Scene, start: ArrayLike, end: ArrayLike, radius: float, *, count: int = 5
) -> None:
    """A plate along a bone of the given radius, held by `count` screws across it."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    side = _across(_unit(b - a)) * radius
    metal(scene, [a + side * 0.75, b + side * 0.75], max(0.006, radius * 0.3))
    for t in np.linspace(0.06, 0.94, count):
        spot = a + t * (b - a)
        metal(scene, [spot + side * 0.9, spot - side * 1.05], max(0.0035, radius * 0.12))
    scene.locate("metal implant", (a + b) / 2, float(np.hypot(*(b - a)) / 2))


def swell(scene: Scene, point: ArrayLike, radius: float, amount: float, *, finding: str) -> None:
    """Let the soft tissue bulge around `point` by magnifying it there."""
    u, v = scene.pose.to_image(np.asarray([point], np.float32))[0] * scene.size
    rows, cols = np.indices(scene.tissue.shape, dtype=np.float32)
    reach = radius * scene.size
    near = np.exp(-((rows - v) ** 2 + (cols - u) ** 2) / (2 * reach**2))
    shrink = 1 - (0.16 + 0.26 * amount) * near
    source = [v - 0.5 + (rows + 0.5 - v) * shrink, u - 0.5 + (cols + 0.5 - u) * shrink]
    bulged = map_coordinates(scene.tissue, source, order=1, mode="nearest")
    scene.tissue = (bulged * (1 + 0.25 * amount * near)).astype(np.float32)
    scene.locate(finding, point, radius * 1.2)


def _unit(vector: ArrayLike) -> np.ndarray:
    v = np.asarray(vector, float)
    return v / max(float(np.hypot(*v)), 1e-9)


def _across(vector: np.ndarray) -> np.ndarray:
    return np.array([-vector[1], vector[0]])


def _in_pixels(scene: Scene, point: np.ndarray, step: np.ndarray) -> np.ndarray:
    ends = scene.pose.to_image(np.array([point, point + step], np.float32))
    return (ends[1] - ends[0]) * scene.size


def _add_effect(scene: Scene, bone: str, effect: Effect) -> None:
    scene.effects.setdefault(bone, []).append(effect)
