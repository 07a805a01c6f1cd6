"""An AP knee: femur, tibia, fibula and patella inside the leg.

Drawn as a right knee (fibula, the lateral side, to the image's left); a left knee is mirrored.
"""

from __future__ import annotations

import numpy as np

from suture.data.synthetic.anatomy import bones
from suture.data.synthetic.factors import Finding
from suture.data.synthetic.scene import MU_FAT, MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, course, norm, ramp

FOV = 20.0
WINDOW = (0.55, 4.0)
FRAME = (1.0, 0.0, 0.0)
FEMUR = (
    (0.405, -0.15), (0.405, 0.05), (0.400, 0.18), (0.375, 0.27), (0.315, 0.345), (0.285, 0.40),
    (0.285, 0.46), (0.315, 0.507), (0.37, 0.520), (0.425, 0.513), (0.465, 0.478), (0.50, 0.458),
    (0.535, 0.478), (0.575, 0.517), (0.635, 0.525), (0.69, 0.508), (0.717, 0.46), (0.712, 0.395),
    (0.67, 0.335), (0.605, 0.26), (0.585, 0.17), (0.582, 0.05), (0.582, -0.15),
)  # fmt: skip
TIBIA = (
    (0.292, 0.545), (0.36, 0.538), (0.43, 0.540), (0.472, 0.524), (0.485, 0.51), (0.50, 0.53),
    (0.518, 0.508), (0.532, 0.524), (0.575, 0.542), (0.64, 0.545), (0.706, 0.548), (0.712, 0.59),
    (0.675, 0.66), (0.62, 0.74), (0.595, 0.85), (0.588, 1.15), (0.44, 1.15), (0.437, 0.86),
    (0.415, 0.75), (0.34, 0.67), (0.288, 0.60),
)  # fmt: skip
FIBULA = ((0.318, 0.645), (0.322, 0.70), (0.333, 0.80), (0.335, 0.95), (0.333, 1.15))
FIBULA_RADII = (0.036, 0.031, 0.020, 0.022, 0.024)
OUTLINE = (
    (-0.2, 0.38),
    (0.15, 0.335),
    (0.35, 0.295),
    (0.5, 0.28),
    (0.62, 0.278),
    (0.8, 0.30),
    (1.2, 0.30),
)  # (height, half width) of the leg
COMPARTMENTS = {"lateral compartment": (0.375, 0.531), "medial compartment": (0.625, 0.535)}
TARGETS = {  # place: bone, point, axis, radius
    "tibial plateau": ("tibia", (0.375, 0.60), (0.75, 0.66), 0.085),
    "distal femur": ("femur", (0.493, 0.22), (0.1, 1.0), 0.1),
    "proximal fibula": ("fibula", (0.328, 0.745), (0.1, 1.0), 0.026),
    "proximal tibia": ("tibia", (0.52, 0.66), (0.0, 1.0), 0.09),
}


def paint(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Draw the knee with its findings."""
    by_name = {finding.name: finding for finding in findings}
    _flesh(scene)
    for finding in findings:
        _prepare(scene, finding)
    if "metal implant" in by_name:
        _replaced_joint(scene)
    _long_bones(scene, by_name.get("osteoarthritis"))
    _patella(scene, by_name.get("dislocation"))
    for finding in findings:
        _dress(scene, finding)


def _flesh(scene: Scene) -> None:
    """Thigh, knee and calf as one rounded column: a fat rind around muscle."""
    habitus = scene.anatomy.uniform(-0.02, 0.06)
    half = course(scene.y, OUTLINE) + habitus
    away = np.abs(scene.x - 0.498)
    whole = chord(half - away, 0.33) * FOV
    muscle = chord(half - 0.035 - 0.5 * habitus - away, 0.3) * FOV
    layers = MU_FAT * (whole - muscle) + MU_WATER * muscle
    scene.tissue += 0.72 * layers * (1 + 0.02 * scene.cloud)


def _long_bones(scene: Scene, worn: Finding | None) -> None:
    """Femur, tibia and fibula; a worn compartment lets the femur tilt down onto the tibia."""
    femur = np.array(FEMUR)
    if worn is not None:
        sign = -1 if worn.place == "lateral compartment" else 1
        near = np.clip(sign * (femur[:, 0] - 0.5) / 0.2, 0, 1) * np.clip((femur[:, 1] - 0.2) / 0.25, 0, 1)
        femur[:, 1] += 0.021 * near * (0.5 + 0.5 * worn.amount)
    scene.add_tube("fibula", FIBULA, FIBULA_RADII, cortex=0.008, flat=0.8)
    away = np.abs(scene.y - 0.53)
    cortex = (0.008 + 0.02 * ramp(away, 0.2, 0.5)).astype(np.float32)  # shafts have thick walls
    scene.add_plate("femur", femur, 0.085, cortex=cortex, flat=0.85)
    scene.add_plate("tibia", TIBIA, 0.08, cortex=cortex, flat=0.85)
    scene.bone += (
        0.16
        * ramp(np.abs(scene.y - 0.552 - 0.02 * np.abs(scene.x - 0.5)), 0.012, 0.0)
        * (np.abs(scene.x - 0.5) < 0.2)
    )


def _patella(scene: Scene, away: Finding | None) -> None:
    cx, cy = np.array([0.497, 0.365]) + scene.anatomy.uniform(-0.012, 0.012, 2)
    if away is not None:
        cx, cy = cx - 0.225, cy + 0.01
        scene.locate("dislocation", (cx, cy), 0.09)
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    outline = np.stack([cx + 0.088 * np.cos(turn), cy + 0.088 * np.sin(turn)], 1)
    outline[2:4, 1] += 0.012  # the apex points to the foot
    scene.add_plate("patella", outline, 0.05, cortex=0.009, flat=0.5)


def _prepare(scene: Scene, finding: Finding) -> None:
    """Findings that change a bone as it is drawn."""
    if finding.place not in TARGETS:
        return
    bone, point, axis, radius = TARGETS[finding.place]
    spot = np.array(point) + scene.detail.uniform(-0.015, 0.015, 2) * (radius > 0.05)
    if finding.name == "fracture":
        soft = 0.55 if finding.place == "tibial plateau" else 1.0
        bones.break_bone(scene, bone, spot, axis, radius * 0.6, soft * finding.amount, reach=4.0, oblique=0.5)
    elif finding.name in ("lytic lesion", "sclerotic lesion"):
        if finding.place == "distal femur":
            spot = spot + np.array([scene.detail.choice([-0.09, 0.09]), 0.19])
        size = 0.03 + 0.05 * finding.amount
        lytic = finding.name == "lytic lesion"
        bones.lesion(scene, bone, spot, size, lytic=lytic, finding=finding.name)


def _dress(scene: Scene, finding: Finding) -> None:
    """Findings that are added to the drawn knee."""
    if finding.name == "osteoarthritis":
        spot = COMPARTMENTS[finding.place]
        bones.worn_joint(scene, spot, (0.0, 1.0), 0.085, finding.amount)
        scene.locate(finding.name, spot, 0.1)
    elif finding.name == "joint effusion":
        _effusion(scene, finding.amount)
    elif finding.name == "soft tissue swelling":
        side = scene.detail.choice([0.36, 0.64])
        bones.swell(scene, (side, 0.5), 0.16, 0.25 + 0.9 * finding.amount, finding=finding.name)


def _effusion(scene: Scene, amount: float) -> None:
    """Fluid distends the recess above the patella, beyond both borders of the femur."""
    high, wide = 0.13 + 0.05 * amount, 0.16 + 0.08 * amount
    u, v = (scene.x - 0.495) / wide, (scene.y - 0.265) / high
    lobe: Floats = ramp(norm(u, v), 1.1, 0.55)
    scene.tissue += (0.3 + 0.45 * amount) * lobe
    scene.locate("joint effusion", (0.495, 0.265), wide)


def _replaced_joint(scene: Scene) -> None:
    """A total knee replacement: femoral shield, tibial tray with its keel."""
    shield = [(0.30, 0.42), (0.31, 0.49), (0.37, 0.505), (0.44, 0.495), (0.50, 0.47),
              (0.56, 0.495), (0.63, 0.508), (0.69, 0.49), (0.705, 0.42)]  # fmt: skip
    bones.metal(scene, shield, 0.022)
    bones.metal(scene, [(0.36, 0.44), (0.5, 0.42), (0.64, 0.44)], 0.03)
    bones.metal(scene, [(0.30, 0.565), (0.70, 0.568)], 0.012)
    bones.metal(scene, [(0.5, 0.565), (0.505, 0.68)], 0.024)
    scene.locate("metal implant", (0.5, 0.53), 0.2)
