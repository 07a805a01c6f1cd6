"""Render a planned study: pose the patient, run the region's painter, develop the film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suture.data.synthetic.anatomy import abdomen, chest_frontal, chest_lateral, hand, knee, pelvis
from suture.data.synthetic.factors import LIMBS, Finding
from suture.data.synthetic.film_grain import Exposure, develop
from suture.data.synthetic.plan import Plan
from suture.data.synthetic.pose import Pose
from suture.data.synthetic.scene import Scene

OEDEMA = "pulmonary oedema"  # its painter fills both lungs at once
POSE, ANATOMY, DETAIL, FILM = 11, 12, 13, 14  # purposes of the seeded draws


@dataclass(frozen=True)
class Painter:
    """A region's painter, its grey window, width in cm, and usual framing (scale, x, y)."""

    paint: Callable[[Scene, tuple[Finding, ...]], None]
    window: tuple[float, float]
    fov: float
    frame: tuple[float, float, float]


PAINTERS: dict[str, Painter] = {
    "chest frontal": Painter(
        chest_frontal.paint, chest_frontal.WINDOW, chest_frontal.FOV, chest_frontal.FRAME
    ),
    "chest lateral": Painter(
        chest_lateral.paint, chest_lateral.WINDOW, chest_lateral.FOV, chest_lateral.FRAME
    ),
    "hand": Painter(hand.paint, hand.WINDOW, hand.FOV, hand.FRAME),
    "knee": Painter(knee.paint, knee.WINDOW, knee.FOV, knee.FRAME),
    "pelvis": Painter(pelvis.paint, pelvis.WINDOW, pelvis.FOV, pelvis.FRAME),
    "abdomen": Painter(abdomen.paint, abdomen.WINDOW, abdomen.FOV, abdomen.FRAME),
}


@dataclass(frozen=True)
class Film:
    """A rendered study: pixels (size, size), the places of its findings, and the exposure."""

    pixels: NDArray[np.uint8]
    located: dict[str, tuple[float, float, float]]
    rotation: float  # degrees, clockwise on the image
    exposure: Exposure


def render(plan: Plan, *, seed: int, number: int, size: int) -> Film:
    """Render study `number`; leaving findings out of `plan` leaves the same patient and film."""
    painter = PAINTERS[plan.region]
    pose = _pose(np.random.default_rng([seed, POSE, number]), plan, painter.frame)
    scene = Scene(
        size,
        painter.fov,
        pose,
        anatomy=np.random.default_rng([seed, ANATOMY, number]),
        detail=np.random.default_rng([seed, DETAIL, number]),
        female=plan.patient.sex == "F",
        age=plan.patient.age,
    )
    painter.paint(scene, one_sided(plan.findings))
    film = np.random.default_rng([seed, FILM, number])
    exposure = _exposure(film, plan)
    pixels = develop(scene, exposure, painter.window, film)
    return Film(pixels, _spread(scene.located, plan.findings), float(np.degrees(pose.angle)), exposure)


def _spread(
    located: dict[str, tuple[float, float, float]], findings: tuple[Finding, ...]
) -> dict[str, tuple[float, float, float]]:
    """The places of the findings; a bilateral one is centred and extends to both sides."""
    both = {finding.name for finding in findings if finding.side == "bilateral"}
    return {
        name: (0.5, y, abs(x - 0.5) + radius) if name in both else (x, y, radius)
        for name, (x, y, radius) in located.items()
    }


def one_sided(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, with a bilateral one split into right and left, as painters need them."""
    sides = {"bilateral": ("right", "left")}
    return tuple(
        replace(finding, side=side)
        for finding in findings
        for side in (sides.get(finding.side, (finding.side,)) if finding.name != OEDEMA else ("",))
    )


def _pose(rng: np.random.Generator, plan: Plan, frame: tuple[float, float, float]) -> Pose:
    scale, x, y = frame
    mirror = plan.region in LIMBS and plan.side == "left"
    waves = np.stack(
        [
            rng.uniform(0.002, 0.006, 3),
            rng.uniform(-1, 1, 3),
            rng.uniform(-1, 1, 3),
            rng.uniform(0, 2 * np.pi, 3),
            rng.uniform(0, 2 * np.pi, 3),
        ],
        axis=1,
    ).astype(np.float32)
    return Pose(
        angle=float(np.clip(rng.normal(0, 0.04), -0.12, 0.12)),
        scale=scale * float(rng.uniform(0.93, 1.06)),
        shift=(
            (-x if mirror else x) + float(rng.normal(0, 0.014)),
            y + float(rng.normal(0, 0.014)),
        ),
        mirror=mirror,
        waves=waves,
    )


def _exposure(rng: np.random.Generator, plan: Plan) -> Exposure:
    shutters = rng.uniform(0.0, 0.055, 4) * (rng.random() < 0.5)
    if plan.region in LIMBS:
        letter, right_of_image = plan.side[0].upper(), bool(rng.random() < 0.5)
    else:
        right_of_image = plan.region == "chest lateral" or bool(rng.random() < 0.7)
        letter = "L" if right_of_image else "R"  # the patient's left is the image's right
    left, top, right, _ = (float(edge) for edge in shutters)
    return Exposure(
        level=float(np.clip(rng.normal(0, 0.035), -0.08, 0.08)),
        noise=float(np.exp(rng.normal(np.log(0.024), 0.4))),
        blur=float(rng.uniform(0.002, 0.0045)),
        contrast=float(rng.uniform(0.94, 1.1)),
        vignette=float(rng.uniform(0.0, 0.16)),
        shutters=(left, top, right, float(shutters[3])),
        tilt=float(rng.normal(0, 0.012)),
        marker=letter,
        marker_at=(
            0.93 - right if right_of_image else 0.07 + left,
            0.075 + top + float(rng.uniform(0, 0.06)),
        ),
    )
