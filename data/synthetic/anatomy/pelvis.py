"""An AP pelvis with both hips. The patient's left lies on the image's right (x > 0.5)."""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.anatomy import bones
from suture.data.synthetic.anatomy.bowel_gas import draw_gas
from suture.data.synthetic.factors import Finding
from suture.data.synthetic.scene import MU_FAT, MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, course, norm, plate, ramp, spline, tube

FOV = 42.0
WINDOW = (2.1, 6.0)
FRAME = (1.0, 0.0, 0.0)
ILIUM = (
    (0.592, 0.175), (0.62, 0.125), (0.675, 0.085), (0.75, 0.062), (0.825, 0.075), (0.885, 0.12),
    (0.915, 0.19), (0.902, 0.245), (0.868, 0.29), (0.848, 0.335), (0.842, 0.375), (0.824, 0.405),
    (0.826, 0.445), (0.797, 0.445), (0.755, 0.425), (0.715, 0.435), (0.692, 0.47), (0.688, 0.53),
    (0.664, 0.50), (0.658, 0.45), (0.645, 0.39), (0.618, 0.32), (0.588, 0.255),
)  # fmt: skip
OUTLINE = ((-0.2, 0.41), (0.1, 0.44), (0.5, 0.485), (0.75, 0.49), (1.2, 0.465))
SACRUM = (
    (0.395, 0.155), (0.44, 0.125), (0.50, 0.118), (0.56, 0.125), (0.605, 0.155), (0.592, 0.24),
    (0.565, 0.31), (0.535, 0.375), (0.50, 0.41), (0.465, 0.375), (0.435, 0.31), (0.408, 0.24),
)  # fmt: skip
ISCHIUM = ((0.675, 0.48), (0.682, 0.535), (0.70, 0.59), (0.69, 0.65), (0.658, 0.685))
ISCHIUM_RADII = (0.018, 0.026, 0.036, 0.037, 0.028)
SUPERIOR_RAMUS = ((0.69, 0.475), (0.64, 0.525), (0.585, 0.558), (0.532, 0.575))
INFERIOR_RAMUS = ((0.532, 0.60), (0.565, 0.645), (0.61, 0.685), (0.655, 0.69))
HEAD, NECK_END = np.array([0.748, 0.505]), np.array([0.828, 0.575])


def paint(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Draw the pelvis with its findings."""
    _flesh(scene)
    for finding in findings:
        _prepare(scene, finding)
    _middle(scene)
    for side in ("right", "left"):
        hip = {f.name: f for f in findings if f.side == side and f.place in ("hip", "femoral neck")}
        _half(scene, side, hip)
    for finding in findings:
        if finding.name == "osteoarthritis":
            _worn_hip(scene, finding)


def _turned(points: object, side: str) -> Floats:
    """Points given for the patient's left, on the stated side."""
    path = np.array(points, np.float32).reshape(-1, 2)
    return path if side == "left" else np.stack([1 - path[:, 0], path[:, 1]], 1)


def _flesh(scene: Scene) -> None:
    """Trunk and thighs, with gas in the bowel above and in the rectum."""
    habitus = scene.anatomy.uniform(0.0, 1.0)
    x, y = np.abs(scene.x - 0.5), scene.y
    half = course(y, OUTLINE)
    depth = (half + 0.04 * habitus - x).astype(np.float32)
    legs = ramp(x - 0.3 * np.clip(y - 0.8, 0, 1) ** 1.2, -0.015, 0.03)
    split = 1 - ramp(y, 0.76, 0.86) * (1 - legs)
    trunk = chord(depth, 0.42) / 0.84 * (17 + 5 * habitus)
    thigh = 1 - 0.16 * ramp(y, 0.7, 0.95)
    rind = chord(depth, 0.06) / 0.12 * 1.2
    scene.tissue += (trunk * MU_WATER - rind * (MU_WATER - MU_FAT)) * thigh * split
    scene.tissue -= draw_gas(scene, (0.5, 0.16), (0.28, 0.14), count=9, radius=0.035) * 0.8
    scene.tissue -= draw_gas(scene, (0.5, 0.44), (0.035, 0.03), count=3, radius=0.028) * 0.7
    scene.tissue = np.maximum(scene.tissue, 0)


def _middle(scene: Scene) -> None:
    """Sacrum with its foramina, and the last lumbar vertebra."""
    body = [(0.425, 0.02), (0.5, 0.028), (0.575, 0.02), (0.568, 0.06), (0.58, 0.10), (0.5, 0.108),
            (0.42, 0.10), (0.432, 0.06)]  # fmt: skip
    scene.add_plate("vertebra", body, 0.04, cortex=0.008, flat=0.6)
    scene.add_plate("sacrum", SACRUM, 0.06, cortex=0.008, flat=0.42)
    for row in range(4):
        for sign in (-1, 1):
            cx, cy = 0.5 + sign * (0.052 - 0.009 * row), 0.185 + 0.052 * row
            win = scene.window(np.array([(cx, cy)], np.float32), 0.03)
            away = norm((scene.x[win] - cx) / 1.4, scene.y[win] - cy)
            scene.bone[win] *= 1 - 0.4 * ramp(away, 0.014, 0.006)
            arc = ramp(np.abs(away - 0.014), 0.006, 0.001)
            scene.bone[win] += 0.14 * arc * (scene.y[win] < cy)


def _half(scene: Scene, side: str, hip: dict[str, Finding]) -> None:
    """Hip bone and proximal femur of one side."""
    ramus = _turned(SUPERIOR_RAMUS, side)
    hip_bone = (
        plate(_turned(ILIUM, side), 0.03),
        tube(_turned(ISCHIUM, side), ISCHIUM_RADII),
        tube(ramus, [0.026, 0.019, 0.02, 0.027]),
        tube(_turned(INFERIOR_RAMUS, side), [0.022, 0.017, 0.018, 0.024]),
    )
    scene.add_bone(f"{side} hip bone", *hip_bone, cortex=0.0075, flat=0.55)
    brim = spline([(0.592, 0.27), (0.625, 0.33), (0.655, 0.41), (0.665, 0.49), (0.62, 0.535)])
    scene.add_tube(f"{side} brim", _turned(brim, side), np.full(len(brim), 0.0065), flat=0.5)
    _socket(scene, side)
    if "metal implant" in hip:
        _prosthesis(scene, side)
    else:
        _femur(scene, side, _offset(scene, side, hip))


def _socket(scene: Scene, side: str) -> None:
    """The acetabulum: a bright roof arc and a thin medial wall around the femoral head."""
    turn = np.radians(np.linspace(-172, -18, 12))
    arc = HEAD + 0.064 * np.stack([np.cos(turn), np.sin(turn)], 1)
    radii = np.interp(np.arange(12), [0, 5, 9, 11], [0.005, 0.009, 0.014, 0.009])
    scene.add_tube(f"{side} socket", _turned(arc, side), radii, cortex=0.006, flat=0.8)


def _offset(scene: Scene, side: str, hip: dict[str, Finding]) -> np.ndarray:
    """Where findings move the femur: out of the socket, or closer into it."""
    if "dislocation" in hip:
        move = np.array([0.058, -0.072]) * scene.detail.uniform(0.85, 1.15)
        scene.locate("dislocation", _turned(HEAD + move, side)[0], 0.06)
        return move
    if "osteoarthritis" in hip:
        return np.array([0.002, -0.011]) * (0.5 + 0.5 * hip["osteoarthritis"].amount)
    return np.zeros(2)


def _femur(scene: Scene, side: str, move: np.ndarray) -> None:
    turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    head = HEAD + move + 0.051 * np.stack([np.cos(turn), np.sin(turn)], 1)
    proximal = move + np.array([
        (0.775, 0.482), (0.812, 0.505), (0.842, 0.518), (0.868, 0.508), (0.892, 0.545),
        (0.890, 0.60), (0.882, 0.66), (0.875, 0.76), (0.870, 1.2), (0.805, 1.2), (0.803, 0.78),
        (0.797, 0.70), (0.783, 0.668), (0.792, 0.635), (0.795, 0.605), (0.772, 0.575),
        (0.745, 0.548), (0.742, 0.51),
    ])  # fmt: skip
    shapes = plate(_turned(proximal, side), 0.04), plate(_turned(head, side), 0.04)
    thick = (0.0065 + 0.0075 * ramp(scene.y, 0.6, 0.75)).astype(np.float32)
    bone = f"{side} femur"
    scene.add_bone(bone, *shapes, cortex=thick, flat=0.62)
    crest = move + np.array([(0.868, 0.54), (0.83, 0.60), (0.80, 0.655)])
    scene.add_tube(bone, _turned(crest, side), [0.012, 0.008, 0.014], flat=0.4)


def _prosthesis(scene: Scene, side: str) -> None:
    """A total hip replacement: cup, head, tapered stem in the cut femur."""
    shaft = [(0.80, 0.58), (0.845, 0.53), (0.885, 0.545), (0.888, 0.60), (0.875, 0.76),
             (0.870, 1.2), (0.805, 1.2), (0.803, 0.78), (0.79, 0.66)]  # fmt: skip
    scene.add_plate(f"{side} femur", _turned(shaft, side), 0.035, cortex=0.0115, flat=0.62)
    turn = np.radians(np.linspace(-200, 10, 12))
    cup = HEAD + 0.055 * np.stack([np.cos(turn), np.sin(turn)], 1)
    bones.metal(scene, _turned(cup, side), 0.011)
    bones.metal(scene, _turned([HEAD, HEAD + 0.001], side), 0.033)
    stem = [HEAD, NECK_END, (0.838, 0.66), (0.838, 0.80)]
    path = _turned(stem, side)
    for start, width in ((0, 0.013), (1, 0.022), (2, 0.014)):
        bones.metal(scene, path[start : start + 2], width)
    scene.locate("metal implant", path[1], 0.14)


def _prepare(scene: Scene, finding: Finding) -> None:
    """Findings that change a bone as it is drawn."""
    side = finding.side
    spots = {
        "femoral neck": (f"{side} femur", (0.79, 0.545), (0.75, 0.66), 0.032),
        "superior pubic ramus": (f"{side} hip bone", (0.615, 0.542), (-0.9, 0.4), 0.024),
        "iliac wing": (f"{side} hip bone", (0.755, 0.21), (0.0, 1.0), 0.06),
        "proximal femur": (f"{side} femur", (0.843, 0.63), (0.0, 1.0), 0.04),
    }
    if finding.place not in spots:
        return
    bone, point, axis, radius = spots[finding.place]
    spot = np.array(point) + scene.detail.uniform(-0.006, 0.006, 2) * (1 + 3 * (radius > 0.05))
    along = np.array(axis) * (1 if side == "left" else (-1, 1))
    spot = _turned(spot, side)[0]
    if finding.name == "fracture":
        bones.break_bone(scene, bone, spot, along, radius, finding.amount, reach=6)
    else:
        size = (0.5 + 0.55 * finding.amount) * radius
        lytic = finding.name == "lytic lesion"
        bones.lesion(scene, bone, spot, size, lytic=lytic, finding=finding.name)


def _worn_hip(scene: Scene, finding: Finding) -> None:
    spot = _turned(np.add(HEAD, (0.022, -0.052)), finding.side)[0]
    axis = (0.38, -0.92) if finding.side == "left" else (-0.38, -0.92)
    bones.worn_joint(scene, spot, axis, 0.042, finding.amount)
    scene.locate("osteoarthritis", _turned(HEAD, finding.side)[0], 0.06)
