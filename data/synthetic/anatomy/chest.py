"""A frontal chest radiograph: ribs, lungs, heart, mediastinum, diaphragm and shoulder girdle.

The patient faces the viewer: the patient's left lies on the image's right (x > 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.data.synthetic.anatomy.lung_markings import draw_markings
from suture.data.synthetic.scene import MU_LUNG, MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, ellipse_depth, ramp, spline

WINDOW = (0.6, 4.5)
FOV = 40.0
HALF_WIDTH = ((0.06, 0.12), (0.12, 0.205), (0.2, 0.285), (0.35, 0.36), (0.55, 0.395), (0.8, 0.41))
RIGHT_LUNG = (
    (0.385, 0.075), (0.425, 0.15), (0.435, 0.27), (0.44, 0.40), (0.43, 0.52), (0.41, 0.63),
    (0.385, 0.715), (0.32, 0.685), (0.25, 0.69), (0.18, 0.74), (0.125, 0.815), (0.112, 0.72),
    (0.108, 0.58), (0.125, 0.42), (0.165, 0.27), (0.23, 0.15), (0.31, 0.085),
)  # fmt: skip


@dataclass
class Chest:
    """The parts findings act upon; lungs are (right, left) pairs of masks in 0..1.

    `air` is the depth of aerated lung in cm, `fill` the share of it that became water-dense,
    `vessels` the vascular markings in attenuation units.
    """

    lungs: tuple[Floats, Floats]
    outlines: tuple[Floats, Floats]
    air: Floats
    fill: Floats
    vessels: Floats
    heart_scale: float


def body(scene: Scene, *, heart_scale: float = 1.0, raised: float = 0.0) -> Chest:
    """Soft parts of the chest; `raised` lifts the right (< 0) or left (> 0) diaphragm."""
    scene.tissue += _torso(scene)
    domes = scene.anatomy.uniform(-0.02, 0.02, 2)
    outlines = (
        _lung_outline(-1, domes[0] - max(0.0, -raised)),
        _lung_outline(+1, domes[1] + 0.025 - max(0.0, raised)),
    )
    depths = [scene.depth_in(path) for path in outlines]
    lungs = (ramp(depths[0], -0.006, 0.006), ramp(depths[1], -0.006, 0.006))
    air = sum((chord(depth, 0.13) for depth in depths), np.zeros_like(scene.x)) * FOV * 1.45
    shadow = _heart(scene, heart_scale) + 0.9 * _great_vessels(scene)
    air = air * (1 - 0.62 * np.clip(shadow, 0, 1))
    chest = Chest(lungs, outlines, air, np.zeros_like(air), np.zeros_like(air), heart_scale)
    chest.vessels = _vessels(scene, lungs[0] + lungs[1])
    return chest


def finish(scene: Scene, chest: Chest) -> None:
    """Add what the lungs attenuate, then the skeleton on top."""
    aerated = chest.air * (1 - chest.fill)
    scene.bone *= ramp(scene.tissue, 0.15, 0.5)  # no bone outside the skin
    scene.tissue -= aerated * (MU_WATER - MU_LUNG)
    scene.tissue += chest.vessels * (1 - 0.8 * chest.fill)
    scene.tissue -= _trachea(scene)
    scene.tissue = np.maximum(scene.tissue, 0)


def half_width(y: Floats | float) -> Floats:
    """Half the width of the rib cage at height y, in frame fractions."""
    heights, widths = np.array(HALF_WIDTH).T
    return np.interp(y, heights, widths).astype(np.float32)


def _lung_outline(sign: int, lower: float) -> Floats:
    """A lung's outline; `sign` is -1 for the right lung (image's left), `lower` drops its dome."""
    path = spline(RIGHT_LUNG, closed=True, per_segment=3)
    fall = np.clip((path[:, 1] - 0.45) / 0.25, 0, 1) * lower
    x = path[:, 0] if sign < 0 else 1 - path[:, 0]
    return np.stack([x, path[:, 1] + fall], 1).astype(np.float32)


def _torso(scene: Scene) -> Floats:
    """Soft tissue from skin to skin: neck, shoulders, arms let down, breasts."""
    habitus = scene.anatomy.uniform(0.0, 1.0)
    x, y = np.abs(scene.x - 0.5), scene.y
    shoulder = 0.055 + 0.075 * ramp(x, 0.06, 0.52) ** 1.3
    neck = ramp(x, 0.11 + 0.02 * habitus, 0.085)
    above = np.maximum(ramp(y, shoulder - 0.02, shoulder + 0.02), neck)
    side = 0.46 + 0.035 * habitus + 0.22 * ramp(y, 0.36, 0.16)
    thick = 15.0 + 3.0 * habitus - 4.5 * ramp(y, 0.42, 0.08) + 2.0 * ramp(y, 0.6, 0.85)
    profile = chord(side - x, 0.3) / 0.6
    flesh = thick * profile * above * MU_WATER
    return flesh + _breasts(scene, habitus) * MU_WATER if scene.female else flesh


def _breasts(scene: Scene, habitus: float) -> Floats:
    low, wide = scene.anatomy.uniform(0.60, 0.70), 0.13 + 0.03 * habitus
    pair = [
        chord(ellipse_depth(scene.x, scene.y, (0.5 + s * 0.235, low - 0.09), (wide, 0.115)), 0.11)
        for s in (-1, 1)
    ]
    return (pair[0] + pair[1]) * (9 + 6 * habitus)


def _heart(scene: Scene, scale: float) -> Floats:
    """Heart shadow in 0..1; the apex points to the patient's left, the image's right."""
    wide = scale * scene.anatomy.uniform(0.95, 1.05)
    points = np.array([
        (0.465, 0.36), (0.42, 0.46), (0.405, 0.56), (0.42, 0.67), (0.47, 0.73), (0.56, 0.745),
        (0.64, 0.725), (0.675, 0.68), (0.655, 0.60), (0.605, 0.51), (0.565, 0.43), (0.54, 0.36),
    ])  # fmt: skip
    points[:, 0] = 0.5 + (points[:, 0] - 0.5) * wide
    points[:, 1] = 0.735 + (points[:, 1] - 0.735) * (1 + 0.35 * (scale - 1))
    depth = scene.depth_in(spline(points, closed=True, per_segment=3))
    scene.tissue += chord(depth, 0.1) / 0.2 * 3.0 * MU_WATER
    return ramp(depth, -0.008, 0.02)


def _great_vessels(scene: Scene) -> Floats:
    """Superior mediastinum with the aortic knob, in 0..1."""
    knob = scene.anatomy.uniform(0.035, 0.05) + 0.0002 * scene.age
    middle = ramp(np.abs(scene.x - 0.497), 0.072, 0.05) * ramp(scene.y, 0.08, 0.2)
    aorta = ramp(ellipse_depth(scene.x, scene.y, (0.545, 0.30), (knob, knob)), -0.005, 0.012)
    return np.maximum(middle, aorta)


def _trachea(scene: Scene) -> Floats:
    """Air of the trachea and main bronchi, as attenuation missing."""
    lean = 0.495 + 0.01 * ramp(scene.y, 0.1, 0.3)
    pipe = chord(0.021 - np.abs(scene.x - lean), 0.021) * ramp(scene.y, 0.385, 0.35)
    fork = np.abs(np.abs(scene.x - 0.497) - (scene.y - 0.36) * 0.85)
    bronchi = chord(0.014 - fork, 0.014) * ramp(scene.y, 0.35, 0.37) * ramp(scene.y, 0.45, 0.42)
    return np.maximum(pipe, bronchi) * FOV * MU_WATER * 0.62


def _vessels(scene: Scene, lung: Floats) -> Floats:
    """Hila and the branching markings, finer towards the periphery."""
    hila = sum(
        (
            ramp(ellipse_depth(scene.x, scene.y, (cx, cy), (0.035, 0.06), angle=a), -0.02, 0.03)
            for cx, cy, a in ((0.405, 0.43, 0.25), (0.595, 0.415, -0.25))
        ),
        np.zeros_like(scene.x),
    )
    return (0.55 * draw_markings(scene) + 0.34 * hila) * lung * (1 + 0.25 * scene.cloud)
