"""The skeleton seen on a frontal chest film: ribs as level sets, clavicles, scapulae, spine."""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.anatomy.chest import half_width
from suture.data.synthetic.scene import MU_CORTEX, MU_MARROW, Scene, Window
from suture.data.synthetic.shapes import Floats, chord, norm, plate, ramp, tube

FIRST, SPACING, COUNT = 0.085, 0.074, 10
CLAVICLE = ((0.452, 0.175), (0.40, 0.152), (0.33, 0.138), (0.25, 0.122), (0.16, 0.122))
SCAPULA = ((0.07, 0.165), (0.17, 0.175), (0.215, 0.23), (0.205, 0.33), (0.165, 0.44),
           (0.145, 0.42), (0.125, 0.31), (0.085, 0.235))  # fmt: skip


def skeleton(scene: Scene) -> None:
    """Draw every bone of the thorax into the scene."""
    _spine(scene)
    for sign in (-1, 1):
        _ribs(scene, sign)
        _girdle(scene, sign)


def rib_height(index: float, across: float) -> float:
    """Height y of the middle of posterior rib `index` at `across` in 0..1 (spine to wall)."""
    return FIRST + index * SPACING + float(_posterior_fall(np.array(across), index))


def _posterior_fall(across: Floats, index: Floats | float) -> Floats:
    """How far a posterior rib has sunk below its vertebra; vertical where it meets the wall."""
    steep = 0.055 + 0.009 * np.asarray(index)
    arch = -0.012 * np.sin(np.pi * np.clip(across * 2, 0, 1))
    return (arch + steep * (1 - np.sqrt(np.clip(1 - across**2, 0, 1))) * 1.25).astype(np.float32)


def _ribs(scene: Scene, sign: int) -> None:
    """Ten posterior ribs and six anterior ones on one side.

    Rib numbers are a smooth coordinate of the chest, so that all ribs of a kind are one
    evaluation: a pixel looks only at the rib whose number is nearest to its own.
    """
    win = scene.window(np.array([(0.5, 0.0), (0.5 + sign * 0.46, 1.0)], np.float32), 0.0)
    y, out = scene.y[win], sign * (scene.x[win] - 0.5)
    across = np.clip(out / half_width(y), 0, 1.05)
    inside = ramp(out, 0.02, 0.045) * ramp(across, 1.03, 1.0)
    index = (y - FIRST) / SPACING
    index = (y - FIRST - _posterior_fall(across, index)) / SPACING
    _rib_set(scene, "rear ribs", win, index, across, inside, count=COUNT, radius=0.0135, weight=0.95)
    front = (y - FIRST - 0.085 + 0.16 * (across - 1)) / SPACING
    front = front - 1.1 * np.sqrt(np.clip(1 - across**2, 0, 1)) + 0.2
    faint = inside * ramp(across, 0.36, 0.52)
    _rib_set(scene, "front ribs", win, front, across, faint, count=6, radius=0.0155, weight=0.55)


def _rib_set(
    scene: Scene,
    name: str,
    win: Window,
    index: Floats,
    across: Floats,
    inside: Floats,
    *,
    count: int,
    radius: float,
    weight: float,
) -> None:
    """Ribs 0 to `count` - 1 of the rib numbers `index`, seen where `inside` is 1."""
    nearest: Floats = np.clip(np.round(index), 0, count - 1)
    fading = weight * (1 - 0.6 * ramp(nearest, 7.0, 9.0))  # the lowest ones are over the abdomen
    slope: Floats = np.hypot(*np.gradient(index * SPACING, axis=(0, 1))) * scene.size
    depth = radius - np.abs(index - nearest) * SPACING / np.maximum(slope, 0.6)
    inner = chord(depth - 0.005, radius - 0.005)
    shell = chord(depth, radius) - inner
    grow = 1 + 0.9 * ramp(across, 0.75, 1.0)  # the beam runs along the rib at the chest wall
    solid = (0.6 * shell * MU_CORTEX + 1.5 * inner * MU_MARROW) * scene.fov * grow * fading
    patch: Floats = solid * inside
    for effect in scene.effects.get(name, ()):
        patch = effect(scene.x[win], scene.y[win], patch)
    scene.bone[win] += patch


def _girdle(scene: Scene, sign: int) -> None:
    """Clavicle, scapula and the head of the humerus on one side."""

    def side(points: tuple[tuple[float, float], ...]) -> np.ndarray:
        path = np.array(points, np.float32)
        path[:, 0] = 0.5 + sign * (0.5 - path[:, 0])
        return path

    drop = scene.anatomy.uniform(-0.015, 0.02)
    clavicle = side(CLAVICLE) + np.array([0, drop])
    scene.add_tube("clavicle", clavicle, [0.021, 0.015, 0.0135, 0.015, 0.019], flat=0.75)
    arm = side(((0.035, 0.205), (0.01, 0.28), (-0.02, 0.48)))
    scene.add_tube("humerus", arm, [0.052, 0.036, 0.030], cortex=0.009, flat=0.5)
    acromion = side(((0.13, 0.125), (0.075, 0.128), (0.045, 0.145)))
    blade = plate(side(SCAPULA), 0.012), tube(acromion, [0.016, 0.018, 0.014])
    scene.add_bone("scapula", *blade, cortex=0.004, flat=0.5)


def _spine(scene: Scene) -> None:
    """Vertebral bodies with end plates and spinous processes, faint behind the mediastinum."""
    height = 0.0585
    phase = (scene.y - 0.02) / height
    within = np.abs(phase - np.round(phase)) * height
    bodies = chord(0.043 - np.abs(scene.x - 0.5), 0.043) / 0.086
    disc = ramp(within, 0.007, 0.003)
    plates = ramp(np.abs(within - 0.009), 0.004, 0.001)
    process = chord(0.011 - norm(scene.x - 0.5, (within - 0.022) * 0.6), 0.011) / 0.022
    scene.bone += bodies * (0.55 - 0.22 * disc + 0.12 * plates) + 0.14 * process
