"""A supine AP abdomen: lumbar spine, lower ribs, iliac crests, organs and bowel gas.

The patient's left lies on the image's right (x > 0.5).
"""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.anatomy import bones
from suture.data.synthetic.anatomy.bowel_gas import draw_colon, draw_gas, draw_loop
from suture.data.synthetic.factors import Finding
from suture.data.synthetic.scene import MU_FAT, MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, course, ellipse_depth, norm, plate, ramp, spline, tube

FOV = 42.0
WINDOW = (1.9, 5.3)
FRAME = (1.0, 0.0, 0.0)
ILIUM = (
    (0.595, 0.80), (0.635, 0.755), (0.70, 0.725), (0.78, 0.725), (0.85, 0.775), (0.888, 0.855),
    (0.885, 0.95), (0.85, 1.05), (0.70, 1.08), (0.63, 1.0), (0.60, 0.90),
)  # fmt: skip
OUTLINE = ((-0.2, 0.435), (0.2, 0.425), (0.5, 0.41), (0.75, 0.435), (1.2, 0.46))
COLON = {
    "ascending": ((0.245, 0.76), (0.235, 0.66), (0.225, 0.55), (0.24, 0.45), (0.27, 0.38)),
    "transverse": ((0.31, 0.37), (0.41, 0.415), (0.5, 0.425), (0.59, 0.40), (0.68, 0.345)),
    "descending": ((0.755, 0.34), (0.775, 0.46), (0.775, 0.58), (0.765, 0.70), (0.73, 0.79)),
}  # fmt: skip


def paint(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Draw the abdomen with its findings."""
    _flesh(scene)
    _gas(scene)
    for finding in findings:
        if finding.name == "bowel obstruction":
            _dilated_loops(scene, finding)
        elif finding.name == "free air":
            _free_air(scene, finding)
    _spine(scene)
    _ribs(scene)
    _pelvis(scene)
    for finding in findings:
        _dense(scene, finding)
    scene.tissue = np.maximum(scene.tissue, 0)


def _flesh(scene: Scene) -> None:
    """Trunk with liver, spleen, kidneys and psoas, told apart by thin fat planes."""
    habitus = scene.anatomy.uniform(0.0, 1.0)
    x, y = np.abs(scene.x - 0.5), scene.y
    half = course(y, OUTLINE)
    edge = (half + 0.045 * habitus - x).astype(np.float32)
    trunk = chord(edge, 0.4) / 0.8 * (17 + 4 * habitus)
    scene.tissue += trunk * MU_WATER - chord(edge, 0.05) / 0.1 * 1.5 * (MU_WATER - MU_FAT)
    liver = np.array([(0.11, 0.02), (0.47, 0.02), (0.60, 0.09), (0.50, 0.20), (0.37, 0.29),
                      (0.22, 0.40), (0.14, 0.42), (0.105, 0.25)])  # fmt: skip
    scene.tissue += 0.24 * ramp(scene.depth_in(spline(liver, closed=True)), -0.008, 0.012)
    for sign, drop in ((-1, 0.03), (1, 0.0)):
        kidney = ellipse_depth(
            scene.x, scene.y, (0.5 + sign * 0.165, 0.37 + drop), (0.058, 0.105), angle=-sign * 0.25
        )
        scene.tissue += 0.13 * ramp(kidney, -0.008, 0.012)
        lean = sign * (scene.x - 0.5) - 0.055 - 0.19 * (scene.y - 0.25)
        scene.tissue += 0.13 * ramp(lean, 0.014, -0.012) * ramp(y, 0.22, 0.32) * ramp(y, 0.95, 0.8)
    spleen = ellipse_depth(scene.x, scene.y, (0.79, 0.19), (0.07, 0.11), angle=0.5)
    scene.tissue += 0.14 * ramp(spleen, -0.008, 0.012)


def _gas(scene: Scene) -> None:
    """Stomach bubble, part of the colon, a few small-bowel and rectal bubbles."""
    rng = scene.anatomy
    stomach = ellipse_depth(scene.x, scene.y, (0.66, 0.15), (0.085, 0.05), angle=0.4)
    scene.tissue -= chord(stomach, 0.06) * FOV * MU_WATER * rng.uniform(0.3, 0.7)
    for path in COLON.values():
        if rng.random() < 0.85:
            bent = spline(np.array(path) + rng.normal(0, 0.012, (5, 2)))
            gas = draw_colon(scene, bent, rng.uniform(0.024, 0.036), fill=rng.uniform(0.35, 0.95))
            scene.tissue -= 0.95 * gas
    scene.tissue -= 0.6 * draw_gas(scene, (0.5, 0.58), (0.16, 0.12), count=8, radius=0.02)
    scene.tissue -= 0.6 * draw_gas(scene, (0.5, 0.93), (0.05, 0.03), count=3, radius=0.03)


def _dilated_loops(scene: Scene, finding: Finding) -> None:
    """Central gas-filled small-bowel loops, stacked, their folds crossing from wall to wall."""
    rng, amount = scene.detail, finding.amount
    radius = 0.024 + 0.017 * amount
    count = 2 + round(2.4 * amount)
    for row in range(count):
        y = 0.57 + (row - (count - 1) / 2) * (2.25 * radius) + rng.normal(0, 0.006)
        wide, bow = (0.13 + 0.09 * amount) * rng.uniform(0.85, 1.15), rng.uniform(-0.05, 0.05)
        points = [(0.5 - wide, y + 0.02), (0.5 - 0.4 * wide, y + bow), (0.5 + 0.4 * wide, y + bow),
                  (0.5 + wide, y - 0.02)]  # fmt: skip
        scene.tissue -= 0.8 * draw_loop(scene, spline(points, per_segment=5), radius)
    scene.locate(finding.name, (0.5, 0.57), 0.14 + 0.08 * amount)


def _free_air(scene: Scene, finding: Finding) -> None:
    """A dark crescent under the dome of the diaphragm on one side."""
    sign = 1 if finding.side == "left" else -1
    thick = 0.016 + 0.04 * finding.amount
    centre = np.array([0.5 + sign * 0.215, 0.30])
    outer = ellipse_depth(scene.x, scene.y, centre, (0.165, 0.225))
    inner = ellipse_depth(scene.x, scene.y, np.add(centre, (0, thick)), (0.17, 0.222))
    crescent = ramp(outer, -0.003, 0.008) * ramp(inner, 0.004, -0.006) * ramp(scene.y, 0.2, 0.15)
    scene.tissue -= 0.95 * crescent * (0.7 + 0.4 * finding.amount)
    scene.bone += 0.22 * ramp(np.abs(outer), 0.007, 0.001) * ramp(scene.y, 0.2, 0.15)
    scene.locate(finding.name, (centre[0], 0.085 + thick), 0.1)


def _spine(scene: Scene) -> None:
    """Lumbar vertebrae with pedicles, spinous and transverse processes, and the sacrum."""
    for index in range(8):
        cy, wide = -0.045 + 0.104 * index, 0.048 + 0.0035 * index
        body = [(-1, -0.040), (0, -0.034), (1, -0.040), (0.86, 0), (1, 0.040), (0, 0.035),
                (-1, 0.040), (-0.86, 0)]  # fmt: skip
        outline = [(0.5 + wide * a, cy + b) for a, b in body]
        parts = [plate(outline, 0.03)]
        for sign in (-1, 1) if index > 1 else ():
            wing = [(0.5 + sign * wide * 0.8, cy), (0.5 + sign * (wide + 0.048), cy - 0.012)]
            parts.append(tube(wing, [0.011, 0.007]))
        scene.add_bone("vertebra", *parts, cortex=0.0075, flat=0.62)
        _arch(scene, cy, wide)


def _arch(scene: Scene, cy: float, wide: float) -> None:
    """Pedicles as rings and the spinous process as a drop, in front of the vertebral body."""
    win = scene.window(np.array([(0.5 - wide, cy), (0.5 + wide, cy)], np.float32), 0.04)
    x, y = scene.x[win], scene.y[win]
    ring = norm((np.abs(x - 0.5) - 0.62 * wide) * 1.35, y - cy + 0.012)
    drop = norm((x - 0.5) * 1.7, y - cy - 0.018)
    scene.bone[win] += 0.3 * ramp(np.abs(ring - 0.013), 0.006, 0.001) + 0.34 * ramp(drop, 0.024, 0.012)


def _ribs(scene: Scene) -> None:
    for sign in (-1, 1):
        for index in range(4):
            top, far = -0.10 + 0.104 * index, (0.385, 0.38, 0.31, 0.2)[index]
            path = [(0.5 + sign * 0.055, top), (0.5 + sign * 0.4 * far, top + 0.055),
                    (0.5 + sign * 0.8 * far, top + 0.16), (0.5 + sign * far, top + 0.28)]  # fmt: skip
            line = spline(path, per_segment=3)
            scene.add_tube("rib", line, np.linspace(0.0135, 0.011, len(line)), cortex=0.005, flat=0.4)


def _pelvis(scene: Scene) -> None:
    sacrum = [(0.40, 0.80), (0.45, 0.785), (0.5, 0.79), (0.55, 0.785), (0.60, 0.80), (0.585, 0.90),
              (0.55, 1.02), (0.45, 1.02), (0.415, 0.90)]  # fmt: skip
    scene.add_bone("sacrum", plate(sacrum, 0.05), tube([(0.5, 0.8), (0.5, 1.0)], [0.02, 0.01]),
                   cortex=0.007, flat=0.4)  # fmt: skip
    for sign in (-1, 1):
        wing = np.array(ILIUM)
        wing[:, 0] = 0.5 + sign * (wing[:, 0] - 0.5)
        scene.add_plate("ilium", wing, 0.03, cortex=0.008, flat=0.5)


def _dense(scene: Scene, finding: Finding) -> None:
    """Stones and swallowed things: small dense bodies."""
    sign = 1 if finding.side == "left" else -1
    if finding.name == "kidney stone":
        low = finding.place == "ureter"
        spot = np.array([0.5 + sign * (0.115 if low else 0.16), 0.66 if low else 0.38])
        spot = spot + scene.detail.uniform(-0.02, 0.02, 2)
        radius = (0.007 + 0.006 * finding.amount) if low else (0.009 + 0.022 * finding.amount)
        stone = ellipse_depth(scene.x, scene.y, spot, (radius * 1.25, radius), angle=0.6 * sign)
        scene.bone += ramp(stone, -0.004, 0.005) * (1.1 + 0.8 * finding.amount)
        scene.locate(finding.name, spot, radius * 1.4)
    elif finding.name == "gallstones":
        _gallstones(scene, finding)
    elif finding.name == "foreign body":
        _swallowed(scene, finding, sign)


def _gallstones(scene: Scene, finding: Finding) -> None:
    """A cluster of ringed stones below the liver, on the patient's right."""
    rng, centre = scene.detail, np.array([0.33, 0.36])
    count, radius = 2 + round(4 * finding.amount), 0.011 + 0.007 * finding.amount
    for _ in range(count):
        spot = centre + rng.normal(0, 0.6, 2) * radius * np.sqrt(count)
        away = norm(scene.x - spot[0], scene.y - spot[1])
        ring: Floats = ramp(np.abs(away - radius), 0.006, 0.001)
        scene.bone += 0.75 * ring + 0.22 * ramp(away, radius, radius * 0.7)
    scene.locate(finding.name, centre, radius * np.sqrt(count) * 1.2)


def _swallowed(scene: Scene, finding: Finding, sign: int) -> None:
    """A coin, a pin or a battery in one quadrant."""
    rng = scene.detail
    y = 0.30 if finding.place == "upper quadrant" else 0.70
    spot = np.array([0.5 + sign * rng.uniform(0.12, 0.24), y + rng.uniform(-0.05, 0.05)])
    if rng.random() < 0.6:
        bones.metal(scene, [spot, spot + 0.001], rng.uniform(0.022, 0.03))
    else:
        turn = rng.uniform(0, np.pi)
        half = 0.035 * np.array([np.cos(turn), np.sin(turn)])
        bones.metal(scene, [spot - half, spot + half], 0.0045)
    scene.locate(finding.name, spot, 0.035)
