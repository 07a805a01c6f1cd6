"""A lateral chest radiograph: front to the image's left, spine to its right.

Both lungs overlap, so findings here have no side.
"""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.anatomy import bones
from suture.data.synthetic.anatomy.lung_markings import draw_markings
from suture.data.synthetic.factors import Finding
from suture.data.synthetic.scene import MU_LUNG, MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, course, ellipse_depth, norm, plate, ramp, spline, tube

FOV = 40.0
WINDOW = (1.3, 5.9)
FRAME = (1.0, 0.0, 0.0)
LUNG = (
    (0.43, 0.095), (0.53, 0.075), (0.65, 0.09), (0.755, 0.17), (0.815, 0.30), (0.835, 0.46),
    (0.825, 0.62), (0.79, 0.77), (0.755, 0.86), (0.70, 0.80), (0.59, 0.735), (0.46, 0.70),
    (0.35, 0.705), (0.265, 0.745), (0.24, 0.66), (0.218, 0.52), (0.235, 0.38), (0.29, 0.25),
    (0.37, 0.15),
)  # fmt: skip
HEART = (
    (0.43, 0.34), (0.35, 0.39), (0.285, 0.47), (0.245, 0.57), (0.235, 0.70), (0.25, 0.76),
    (0.37, 0.76), (0.50, 0.75), (0.565, 0.69), (0.59, 0.60), (0.57, 0.49), (0.52, 0.39),
)  # fmt: skip
SPINE = ((0.625, -0.02), (0.66, 0.12), (0.705, 0.28), (0.735, 0.45), (0.735, 0.62), (0.71, 0.80),
         (0.68, 1.02))  # fmt: skip
FRONT = ((-0.1, 0.42), (0.05, 0.385), (0.2, 0.26), (0.4, 0.185), (0.7, 0.17), (1.1, 0.155))
BACK = ((-0.1, 0.74), (0.05, 0.80), (0.2, 0.865), (0.5, 0.885), (0.8, 0.845), (1.1, 0.82))
LEVELS = 14
SPOTS = {
    "middle lobe": (0.40, 0.60), "lower lobe": (0.66, 0.64), "retrosternal space": (0.345, 0.37),
    "mid thoracic spine": (6, 0.0), "lower thoracic spine": (9, 0.0),
}  # fmt: skip


def paint(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Draw the lateral chest with its findings."""
    by_name = {finding.name: finding for finding in findings}
    _flesh(scene)
    _lungs(scene, by_name)
    _spine(scene, by_name.get("vertebral fracture"))
    _cage(scene)
    if "pacemaker" in by_name:
        _pacemaker(scene)


def _flesh(scene: Scene) -> None:
    """Trunk, with the upper arms raised out of the way."""
    habitus = scene.anatomy.uniform(0.0, 1.0)
    y = scene.y
    front = course(y, FRONT)
    back = course(y, BACK)
    front, back = front - 0.03 * habitus, back + 0.02 * habitus
    edge = np.minimum(scene.x - front, back - scene.x).astype(np.float32)
    thick = chord(edge, 0.22) / 0.44 * (25 + 5 * habitus - 6 * ramp(y, 0.3, 0.05))
    scene.tissue += thick * MU_WATER
    if scene.female:
        breast = ellipse_depth(scene.x, scene.y, (0.2, 0.52), (0.085, 0.13))
        scene.tissue += chord(breast, 0.08) * (8 + 5 * habitus) * MU_WATER
    arm = chord(0.1 - np.abs(scene.x - 0.42 + 0.5 * (y - 0.05)), 0.1) * ramp(y, 0.2, 0.08)
    scene.tissue += arm * 4.5 * MU_WATER


def _lungs(scene: Scene, by_name: dict[str, Finding]) -> None:
    """Both lungs with hila, heart and diaphragm, filled where a finding fills them."""
    outline = spline(LUNG, closed=True, per_segment=3)
    depth = scene.depth_in(outline)
    second = scene.depth_in(outline + _second_dome(outline, scene.anatomy.uniform(0.012, 0.03)))
    air = (chord(depth, 0.09) + chord(second, 0.09)) * FOV * 1.15
    air *= 1 - 0.42 * _heart(scene, by_name.get("cardiomegaly"))
    fill = np.zeros_like(air)
    for finding in by_name.values():
        fill = np.maximum(fill, _filled(scene, finding, depth))
    aerated = air * (1 - fill)
    hila = ramp(ellipse_depth(scene.x, scene.y, (0.52, 0.44), (0.05, 0.06)), -0.03, 0.02)
    marks = 0.16 * draw_markings(scene) + 0.26 * hila * (1 + 0.3 * scene.cloud)
    scene.tissue += marks * ramp(depth, 0.0, 0.02) - aerated * (MU_WATER - MU_LUNG)
    scene.tissue -= _trachea(scene)
    scene.tissue = np.maximum(scene.tissue, 0.15 * (scene.tissue > 0))


def _second_dome(outline: Floats, lower: float) -> Floats:
    """The offset of the other lung's dome, which is a little lower."""
    drop = np.clip((outline[:, 1] - 0.6) / 0.1, 0, 1) * lower
    return np.stack([np.zeros_like(drop), drop], 1).astype(np.float32)


def _heart(scene: Scene, big: Finding | None) -> Floats:
    scale = scene.anatomy.uniform(0.93, 1.0)
    scale += 0.14 + 0.26 * big.amount if big else 0.0
    points = np.array(HEART)
    points = np.array([0.33, 0.735]) + (points - np.array([0.33, 0.735])) * scale
    depth = scene.depth_in(spline(points, closed=True, per_segment=3))
    if big:
        scene.locate("cardiomegaly", points.mean(0), 0.16 * scale)
    return ramp(depth, -0.02, 0.06)


def _trachea(scene: Scene) -> Floats:
    middle = 0.455 + 0.16 * scene.y
    pipe = chord(0.02 - np.abs(scene.x - middle), 0.02) * ramp(scene.y, 0.41, 0.36)
    return pipe * FOV * MU_WATER * 0.55


def _filled(scene: Scene, finding: Finding, depth: Floats) -> Floats:
    """Share of the lung that a finding turns into water, 0..1."""
    if finding.name == "pleural effusion":
        level = 0.80 - 0.20 * finding.amount
        slope = level - 0.10 * (scene.x - 0.60) + 0.5 * np.clip(0.56 - scene.x, 0, 1)
        scene.locate(finding.name, (0.69, level + 0.02), 0.05 + 0.09 * finding.amount)
        return 0.62 * ramp(scene.y, slope - 0.012, slope + 0.02)
    if finding.name not in ("consolidation", "lung nodule"):
        return np.zeros_like(depth)
    spot = np.array(SPOTS[finding.place]) + scene.detail.uniform(-0.02, 0.02, 2)
    if finding.name == "lung nodule":
        radius = 0.02 + 0.033 * finding.amount
        scene.locate(finding.name, spot, radius)
        return 0.42 * ramp(ellipse_depth(scene.x, scene.y, spot, (radius, radius)), -0.004, 0.008)
    radius = 0.075 + 0.075 * finding.amount
    scene.locate(finding.name, spot, radius)
    away = norm(scene.x - spot[0], scene.y - spot[1]) / radius
    return (0.36 + 0.2 * finding.amount) * ramp(away + 0.22 * scene.cloud, 1.2, 0.5)


def _spine(scene: Scene, crushed: Finding | None) -> None:
    """Vertebral bodies as separate boxes with bright end plates; one may be wedged."""
    curve = spline(SPINE, per_segment=8)
    places = np.linspace(0, len(curve) - 1, LEVELS)
    centres = np.stack([np.interp(places, np.arange(len(curve)), curve[:, k]) for k in (0, 1)], 1)
    tangents = np.gradient(centres, axis=0)
    level = int(SPOTS[crushed.place][0] + scene.detail.integers(0, 2)) if crushed else -1
    for index, (centre, tangent) in enumerate(zip(centres, tangents, strict=True)):
        down = tangent / np.hypot(*tangent)
        wedge = 0.35 + 0.5 * crushed.amount if crushed and index == level else 0.0
        _vertebra(scene, centre, down, 0.033, 0.030, wedge)
        if wedge:
            scene.locate("vertebral fracture", centre, 0.04)


def _vertebra(
    scene: Scene, centre: np.ndarray, down: np.ndarray, wide: float, high: float, wedge: float
) -> None:
    back = np.array([down[1], -down[0]])  # to the image's right: posterior
    corners = [(-1, -1 + 1.5 * wedge), (0, -0.88 + 0.9 * wedge), (1, -1), (0.93, 0), (1, 1),
               (0, 0.88), (-1, 1 - 0.2 * wedge), (-0.93, 0.5 * wedge)]  # fmt: skip
    outline = [centre + wide * a * back + high * b * down for a, b in corners]
    dense = 1.0 + 0.8 * wedge
    arch = [centre + back * 0.035, centre + back * 0.065 + down * 0.012]
    spike = [centre + back * 0.075 + down * 0.015, centre + back * 0.115 + down * 0.045]
    parts = plate(outline, 0.02), tube(arch, [0.012, 0.008]), tube(spike, [0.009, 0.007])
    scene.add_bone("vertebra", *parts, cortex=0.0075, flat=0.62 * dense, marrow=1.1)


def _cage(scene: Scene) -> None:
    """Sternum in front, ribs sweeping down and forward from the spine."""
    sternum = [(0.315, 0.20), (0.262, 0.29), (0.222, 0.40), (0.208, 0.52), (0.218, 0.585)]
    scene.add_tube("sternum", sternum, [0.016, 0.013, 0.012, 0.012, 0.008], flat=0.5)
    for index in range(8):
        top = 0.15 + 0.072 * index
        start = np.array([0.775 + 0.05 * np.sin(0.35 * index + 0.4), top])
        path = [start, np.add(start, (-0.05, 0.055)), np.add(start, (-0.19, 0.13)),
                np.add(start, (-0.36, 0.215 + 0.012 * index))]  # fmt: skip
        line = spline(path, per_segment=2)
        radii = np.interp(np.linspace(0, 3, len(line)), range(4), [0.013, 0.013, 0.011, 0.008])
        scene.add_tube("rib", line, radii, cortex=0.004, flat=0.26)


def _pacemaker(scene: Scene) -> None:
    box = np.array([0.275, 0.235]) + scene.detail.uniform(-0.01, 0.01, 2)
    bones.metal(scene, [np.add(box, (0.012, -0.03)), np.add(box, (-0.014, 0.03))], 0.013)
    below = [(0.44, 0.3), (0.43, 0.5), (0.33, 0.66)]
    lead = spline(np.vstack([box, np.add(box, (0.09, -0.06)), below]))
    bones.metal(scene, lead, 0.0025)
    scene.locate("pacemaker", box, 0.04)
