"""Findings of a frontal chest film, laid into the lungs before the skeleton is drawn.

The patient's left lies on the image's right: `_sign` is +1 for left, -1 for right.
"""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.anatomy import bones, chest, thorax
from suture.data.synthetic.anatomy.chest import FOV as FOV
from suture.data.synthetic.anatomy.chest import WINDOW as WINDOW
from suture.data.synthetic.anatomy.chest import Chest, half_width
from suture.data.synthetic.factors import Finding
from suture.data.synthetic.scene import Scene
from suture.data.synthetic.shapes import Floats, ellipse_depth, norm, ramp, spline

FRAME = (1.1, 0.0, 0.025)
ZONES = {"upper zone": (0.145, 0.235), "mid zone": (0.215, 0.415), "lower zone": (0.215, 0.60)}
RIBS = {"upper ribs": (2, 3), "middle ribs": (4, 6), "lower ribs": (6, 8)}


def paint(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Draw the frontal chest with its findings."""
    scale, raised = 1.0, 0.0
    for finding in findings:
        if finding.name == "cardiomegaly":
            scale = 1.2 + 0.36 * finding.amount
            scene.locate(finding.name, (0.545, 0.58), 0.15 * scale)
        elif finding.name == "atelectasis" and finding.place == "lower zone":
            raised = _sign(finding) * (0.015 + 0.04 * finding.amount)
    parts = chest.body(scene, heart_scale=scale, raised=raised)
    for finding in findings:
        if finding.name in IN_LUNG:
            IN_LUNG[finding.name](scene, parts, finding)
    thorax.skeleton(scene)
    chest.finish(scene, parts)
    for finding in findings:
        if finding.name == "pacemaker":
            _pacemaker(scene, finding)
        elif finding.name == "central line":
            _central_line(scene, finding)


def _sign(finding: Finding) -> int:
    return 1 if finding.side == "left" else -1


def _spot(scene: Scene, finding: Finding) -> np.ndarray:
    """A place in the finding's zone and lung."""
    away, y = ZONES[finding.place]
    jitter = scene.detail.uniform(-0.03, 0.03, 2)
    return np.array([0.5 + _sign(finding) * (away + jitter[0]), y + jitter[1]])


def _lung(parts: Chest, finding: Finding) -> Floats:
    return parts.lungs[1 if finding.side == "left" else 0]


def _consolidation(scene: Scene, parts: Chest, finding: Finding) -> None:
    """A fuzzy, patchy opacity that hides the vessels inside it."""
    spot, radius = _spot(scene, finding), 0.06 + 0.085 * finding.amount
    away = norm(scene.x - spot[0], (scene.y - spot[1]) * 0.9) / radius
    patch = ramp(away + 0.26 * scene.cloud, 1.3, 0.35) * (1 - 0.1 * scene.grain)
    _fill(parts, (0.42 + 0.22 * finding.amount) * patch * _lung(parts, finding))
    scene.locate(finding.name, spot, radius)


def _effusion(scene: Scene, parts: Chest, finding: Finding) -> None:
    """Fluid at the base; its upper edge climbs towards the chest wall (the meniscus)."""
    amount, sign = finding.amount, _sign(finding)
    level = 0.765 - 0.13 * amount - 0.31 * amount**2
    across = np.clip(sign * (scene.x - 0.5) / half_width(scene.y), 0, 1)
    top = level + (0.05 + 0.09 * amount) * (1 - across**3)
    side = ramp(sign * (scene.x - 0.5), 0.0, 0.02)
    _fill(parts, 0.94 * ramp(scene.y, top - 0.012, top + 0.028) * side)
    scene.locate(finding.name, (0.5 + sign * 0.29, (level + 0.83) / 2), (0.87 - level) / 2)


def _pneumothorax(scene: Scene, parts: Chest, finding: Finding) -> None:
    """The lung falls back towards its hilum: a thin edge, and no vessels outside it."""
    amount, sign = finding.amount, _sign(finding)
    outline = parts.outlines[1 if sign > 0 else 0]
    centre = np.array([0.5 + sign * 0.09, 0.60], np.float32)
    shrink = np.array([1 - 0.10 - 0.38 * amount, 1 - 0.09 - 0.26 * amount], np.float32)
    inner = scene.depth_in(centre + (outline - centre) * shrink)
    bare = _lung(parts, finding) * ramp(inner, 0.004, -0.004) * ramp(scene.y, 0.74, 0.6)
    parts.vessels *= 1 - bare
    parts.air += 2.2 * bare
    edge = ramp(np.abs(inner), 0.009, 0.001) * ramp(scene.y, 0.72, 0.6)
    parts.vessels += 0.2 * edge * _lung(parts, finding)
    parts.fill += 0.12 * amount * ramp(inner, 0.0, 0.02) * _lung(parts, finding)
    scene.locate(finding.name, (0.5 + sign * 0.25, 0.22), 0.08 + 0.12 * amount)


def _nodule(scene: Scene, parts: Chest, finding: Finding) -> None:
    spot, radius = _spot(scene, finding), 0.015 + 0.034 * finding.amount
    squash = scene.detail.uniform(0.85, 1.0)
    ball = ellipse_depth(scene.x, scene.y, spot, (radius, radius * squash), angle=0.6)
    _fill(parts, (0.34 + 0.16 * finding.amount) * ramp(ball, -0.004, 0.4 * radius))
    scene.locate(finding.name, spot, radius)


def _oedema(scene: Scene, parts: Chest, finding: Finding) -> None:
    """Haze spreading from both hila, with blurred and widened vessels."""
    reach = 0.15 + 0.06 * finding.amount
    for sign, lung in zip((-1, 1), parts.lungs, strict=True):
        away = norm((scene.x - 0.5 - sign * 0.15) / 0.95, (scene.y - 0.47) / 1.35) / reach
        haze = ramp(away + 0.2 * scene.cloud, 1.5, 0.15) * (1 + 0.12 * scene.grain)
        _fill(parts, (0.16 + 0.36 * finding.amount) * haze * lung)
    parts.vessels *= 1.5 + 0.5 * finding.amount
    scene.locate(finding.name, (0.5, 0.46), 0.3)


def _atelectasis(scene: Scene, parts: Chest, finding: Finding) -> None:
    """A plate of collapsed lung: a band running outward, slightly tilted."""
    spot = _spot(scene, finding)
    tilt = scene.detail.uniform(-0.3, 0.3)
    long, thick = 0.08 + 0.05 * finding.amount, 0.007 + 0.015 * finding.amount
    band = ellipse_depth(scene.x, scene.y, spot, (long, thick), angle=tilt)
    _fill(parts, 0.5 * ramp(band, -0.007, 0.004) * _lung(parts, finding))
    scene.locate(finding.name, spot, long)


def _rib_fracture(scene: Scene, parts: Chest, finding: Finding) -> None:
    """Two neighbouring ribs broken in their lateral part, with a little pleural haze."""
    low, high = RIBS[finding.place]
    first = int(scene.detail.integers(low, high + 1))
    across, sign = scene.detail.uniform(0.66, 0.84), _sign(finding)
    spots = []
    for rib in (first, first + 1):
        y = thorax.rib_height(rib, across)
        x = 0.5 + sign * across * float(half_width(y))
        slope = thorax.rib_height(rib, across + 0.03) - thorax.rib_height(rib, across - 0.03)
        axis = (sign * 0.06 * float(half_width(y)), slope)
        bones.break_bone(scene, "rear ribs", (x, y), axis, 0.016, 1.0, oblique=0.2)
        spots.append((x, y))
    middle = np.mean(spots, axis=0)
    scene.located.pop("fracture", None)
    scene.locate(finding.name, middle, 0.06)
    haze = norm(scene.x - middle[0], scene.y - middle[1]) / 0.06
    _fill(parts, 0.26 * ramp(haze, 1.3, 0.2) * _lung(parts, finding))


def _pacemaker(scene: Scene, finding: Finding) -> None:
    """A generator below the clavicle, its lead down to the right ventricle."""
    sign = _sign(finding)
    box = np.array([0.5 + sign * 0.265, 0.215]) + scene.detail.uniform(-0.012, 0.012, 2)
    bones.metal(scene, [np.add(box, (-0.014, -0.006)), np.add(box, (0.014, 0.004))], 0.034)
    vein = [(0.5 + sign * 0.12, 0.15), (0.5 + sign * 0.02, 0.185), (0.452, 0.27)]
    heart = [(0.44, 0.47), (0.48, 0.62), (0.60, 0.70)]
    lead = np.vstack([box, np.add(box, (-sign * 0.05, -0.055)), vein, heart])
    bones.metal(scene, spline(lead), 0.0027)
    scene.locate(finding.name, box, 0.05)


def _central_line(scene: Scene, finding: Finding) -> None:
    """A subclavian catheter whose tip lies in the superior vena cava."""
    sign = _sign(finding)
    tip = 0.36 + scene.detail.uniform(-0.03, 0.03)
    line = [(0.5 + sign * 0.36, 0.21), (0.5 + sign * 0.29, 0.165), (0.5 + sign * 0.2, 0.145),
            (0.5 + sign * 0.11, 0.145), (0.5 + sign * 0.02, 0.18), (0.452, 0.26), (0.447, tip)]  # fmt: skip
    bones.metal(scene, spline(line), 0.0034)
    scene.locate(finding.name, (0.5 + sign * 0.12, 0.16), 0.15)


def _fill(parts: Chest, share: Floats) -> None:
    """Let a further share of the remaining air become water."""
    parts.fill += (1 - parts.fill) * np.clip(share, 0, 0.95)


IN_LUNG = {
    "consolidation": _consolidation,
    "pleural effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "lung nodule": _nodule,
    "pulmonary oedema": _oedema,
    "atelectasis": _atelectasis,
    "rib fracture": _rib_fracture,
}
