"""A PA hand: phalanges, metacarpals, carpals and the wrist inside their soft tissue.

Drawn as a right hand (thumb to the image's left); a left hand is the mirrored pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.data.synthetic.anatomy import bones as bonework
from suture.data.synthetic.factors import FINGERS, Finding
from suture.data.synthetic.scene import MU_WATER, Scene
from suture.data.synthetic.shapes import Floats, chord, spline, tube_depth

FOV = 17.0
FRAME = (1.22, 0.055, -0.02)  # magnification and shift of body coordinates in the image
WINDOW = (0.0, 1.3)
GAP = 0.0075
# finger: base (x, y), direction in degrees from straight up, bone lengths from the metacarpal on
RAYS: dict[str, tuple[float, float, float, tuple[float, ...]]] = {
    "thumb": (0.365, 0.705, -44, (0.115, 0.085, 0.062)),
    "index finger": (0.425, 0.655, -9, (0.175, 0.112, 0.068, 0.05)),
    "middle finger": (0.485, 0.648, -1, (0.165, 0.126, 0.082, 0.053)),
    "ring finger": (0.538, 0.66, 7, (0.148, 0.118, 0.077, 0.053)),
    "little finger": (0.585, 0.678, 17, (0.138, 0.092, 0.055, 0.047)),
}
CARPALS = (
    (0.415, 0.735, 0.034, 0.027), (0.48, 0.752, 0.028, 0.03), (0.532, 0.748, 0.025, 0.026),
    (0.548, 0.737, 0.017, 0.019), (0.375, 0.712, 0.021, 0.02), (0.425, 0.686, 0.021, 0.019),
    (0.487, 0.694, 0.026, 0.034), (0.543, 0.699, 0.026, 0.024),
)  # fmt: skip
# Where the palm's outline passes the knuckles: twice the first and last, once the others.
WEB = ((-0.035, 0.03), (-0.02, -0.05), (0.0, -0.055), (0.01, -0.05), (0.035, -0.03), (0.035, 0.05))
RADIUS = (
    ((0.435, 0.782), (0.433, 0.82), (0.437, 0.89), (0.445, 1.06)),
    (0.052, 0.05, 0.031, 0.028),
)
ULNA = (((0.552, 0.803), (0.556, 0.84), (0.56, 0.92), (0.555, 1.06)), (0.027, 0.022, 0.019, 0.021))


@dataclass
class Bone:
    """A short tubular bone from `base` to `tip`, `radius` at its thickest."""

    base: np.ndarray
    tip: np.ndarray
    radius: float

    @property
    def axis(self) -> np.ndarray:
        return (self.tip - self.base) / np.hypot(*(self.tip - self.base))

    def at(self, share: float) -> np.ndarray:
        return self.base + share * (self.tip - self.base)


def paint(scene: Scene, findings: tuple[Finding, ...]) -> None:
    """Draw the hand with its findings."""
    bones = _bones(scene, {finding.place: finding for finding in findings})
    for finding in findings:
        _prepare(scene, bones, finding)
    _flesh(scene, bones)
    for name, bone in bones.items():
        _draw(scene, name, bone)
    _carpus(scene)
    for finding in findings:
        _dress(scene, bones, finding)


def _bones(scene: Scene, by_place: dict[str, Finding]) -> dict[str, Bone]:
    """Bones by name, each finger a chain that bends a little at every joint."""
    bones: dict[str, Bone] = {}
    fan = scene.anatomy.uniform(0.6, 1.5)
    for finger, (x, y, degrees, lengths) in RAYS.items():
        angle = np.radians(degrees * (fan if finger != "thumb" else 1))
        point = np.array([x, y])
        radius = 0.0255 if finger != "little finger" else 0.0215
        for index, length in enumerate(lengths):
            joint = _joint_name(finger, index)
            finding = by_place.get(joint)
            angle += scene.anatomy.normal(0, 0.035)
            if finding and finding.name == "dislocation":
                angle += 0.35
                point = point + 0.03 * np.array([np.cos(angle), 0.55 * np.cos(angle)])
            worn = finding is not None and finding.name == "osteoarthritis"
            point = point + (GAP * (0.1 if worn else 1.0)) * _heading(angle)
            tip = point + length * scene.anatomy.uniform(0.95, 1.05) * _heading(angle)
            bones[f"{finger} {_part(finger, index)}"] = Bone(point, tip, radius)
            point, radius = tip, radius * 0.84
    return bones


def _heading(angle: float) -> np.ndarray:
    return np.array([np.sin(angle), -np.cos(angle)])


def _part(finger: str, index: int) -> str:
    parts = ("metacarpal", "proximal phalanx", "middle phalanx", "distal phalanx")
    return parts[index] if finger != "thumb" or index < 2 else "distal phalanx"


def _joint_name(finger: str, index: int) -> str:
    if finger == "thumb":
        return ("thumb base", "thumb metacarpophalangeal joint", "thumb interphalangeal joint")[index]
    joints = ("carpometacarpal", "metacarpophalangeal", "proximal interphalangeal",
              "distal interphalangeal")  # fmt: skip
    return f"{finger} {joints[index]} joint"


def _draw(scene: Scene, name: str, bone: Bone) -> None:
    """A waisted shaft: broad base, narrow middle, rounded head; a tuft on distal phalanges."""
    last = name.endswith("distal phalanx")
    shares = (0.1, 0.22, 0.5, 0.78, 0.9)
    widths = (0.95, 0.82, 0.56, 0.42, 0.55) if last else (0.98, 0.8, 0.58, 0.68, 0.84)
    points = np.array([bone.at(share) for share in shares])
    scene.add_tube(name, points, bone.radius * np.array(widths), cortex=0.0065)


def _carpus(scene: Scene) -> None:
    for name, (path, radii) in (("distal radius", RADIUS), ("distal ulna", ULNA)):
        scene.add_tube(name, path, radii, cortex=0.0075, flat=0.58)
    styloid = ((0.395, 0.79), (0.392, 0.765))
    scene.add_tube("distal radius", styloid, [0.016, 0.009], flat=0.5)
    for cx, cy, rx, ry in CARPALS:
        turn = np.linspace(0, 2 * np.pi, 8, endpoint=False) + scene.anatomy.uniform(0, 1)
        bump = 1 + scene.anatomy.uniform(-0.1, 0.1, 8)
        bump = 1.12 * bump
        outline = np.stack([cx + rx * bump * np.cos(turn), cy + ry * bump * np.sin(turn)], 1)
        scene.add_plate("carpal", outline, 0.022, cortex=0.006, flat=0.72)


def _flesh(scene: Scene, bones: dict[str, Bone]) -> None:
    """Soft tissue as the union of padded fingers, palm, thenar and wrist."""
    thick = np.zeros_like(scene.x)
    for finger in FINGERS:
        chain = [bone for name, bone in bones.items() if name.startswith(finger)]
        path = np.array([chain[0].at(0.3), *(bone.tip for bone in chain)], np.float32)
        path[-1] += 0.008 * chain[-1].axis
        radii = np.linspace(0.05, 0.0335, len(path)).astype(np.float32)
        _pad(scene, thick, path, radii, 1.0)
    tips = np.array([bones[f"{finger} metacarpal"].tip for finger in FINGERS[1:]])
    web = tips[[0, 0, 1, 2, 3, 3]] + np.array(WEB)
    palm = np.concatenate([[(0.37, 0.66)], web, [(0.62, 0.68), (0.60, 0.77), (0.40, 0.77)]])
    depth = scene.depth_in(spline(palm, closed=True, per_segment=3))
    np.maximum(thick, 0.62 * chord(depth, 0.07), out=thick)
    wrist = spline([(0.48, 0.74), (0.495, 0.84), (0.50, 1.1)])
    radii = np.linspace(0.118, 0.135, len(wrist)).astype(np.float32)
    _pad(scene, thick, wrist, radii, 0.62)
    thenar = spline([(0.33, 0.62), (0.37, 0.68), (0.43, 0.74)])
    _pad(scene, thick, thenar, np.full(len(thenar), 0.062, np.float32), 0.75)
    scene.tissue += thick * FOV * MU_WATER * (1 + 0.02 * scene.cloud)


def _pad(scene: Scene, thick: Floats, path: Floats, radii: Floats, flat: float) -> None:
    win = scene.window(path, float(radii.max()))
    depth, radius = tube_depth(scene.x[win], scene.y[win], path, radii)
    thick[win] = np.maximum(thick[win], flat * chord(depth, radius))


def _prepare(scene: Scene, bones: dict[str, Bone], finding: Finding) -> None:
    """Findings that change a bone as it is drawn."""
    bone, place = bones.get(finding.place), finding.place
    if place == "distal radius":
        bone = Bone(np.array([0.437, 0.98]), np.array([0.434, 0.79]), 0.05)
    if bone is None:
        return
    if finding.name == "fracture":
        share = scene.detail.uniform(0.35, 0.75) if place != "distal radius" else 0.72
        wide = bone.radius * (0.75 if place != "distal radius" else 0.8)
        bonework.break_bone(scene, place, bone.at(share), bone.axis, wide, 0.65 * finding.amount)
    elif finding.name in ("lytic lesion", "sclerotic lesion"):
        lytic, share = finding.name == "lytic lesion", scene.detail.uniform(0.3, 0.7)
        radius = bone.radius * (0.5 + 0.45 * finding.amount)
        bonework.lesion(scene, place, bone.at(share), radius, lytic=lytic, finding=finding.name)


def _dress(scene: Scene, bones: dict[str, Bone], finding: Finding) -> None:
    """Findings that are added to the drawn hand."""
    place = finding.place
    if finding.name == "metal implant" and place == "distal radius":
        bonework.plate_and_screws(scene, (0.44, 0.97), (0.437, 0.81), 0.036)
    elif finding.name == "metal implant":
        bone = bones[place]
        bonework.plate_and_screws(scene, bone.at(0.2), bone.at(0.8), bone.radius * 0.75, count=4)
    elif finding.name == "soft tissue swelling":
        spot = bones.get(f"{place} proximal phalanx")
        centre = spot.at(0.8) if spot else np.array([0.48, 0.76])
        radius = 0.05 if spot else 0.13
        bonework.swell(scene, centre, radius, finding.amount, finding=finding.name)
    elif finding.name == "foreign body":
        _splinter(scene, bones, finding)
    elif finding.name in ("osteoarthritis", "dislocation"):
        _joint(scene, bones, finding)


def _splinter(scene: Scene, bones: dict[str, Bone], finding: Finding) -> None:
    palm = np.array([0.44, 0.60]) + scene.detail.uniform(-0.05, 0.05, 2)
    thumb = bones["thumb proximal phalanx"].at(0.5) + np.array([-0.028, 0.0])
    spot = palm if finding.place == "palm" else thumb
    turn, length = scene.detail.uniform(0, np.pi), scene.detail.uniform(0.012, 0.024)
    half = length * np.array([np.cos(turn), np.sin(turn)])
    bonework.metal(scene, [spot - half, spot + half], 0.0055)
    scene.locate(finding.name, spot, length)


def _joint(scene: Scene, bones: dict[str, Bone], finding: Finding) -> None:
    for finger, (_, _, _, lengths) in RAYS.items():
        for index in range(len(lengths)):
            if _joint_name(finger, index) != finding.place:
                continue
            bone = bones[f"{finger} {_part(finger, index)}"]
            if finding.name == "osteoarthritis":
                bonework.worn_joint(scene, bone.base, bone.axis, bone.radius, finding.amount)
            scene.locate(finding.name, bone.base, bone.radius * 1.5)
