"""What a synthetic study can show: regions, findings and their possible places.

Sides are the patient's. On frontal films the patient faces the viewer, so the patient's left is on the right
of the image; the side of a limb is that of the limb itself, and its marker shows it on the film.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NOTICE = "Synthetic: procedurally generated images and texts, no patient data."
NO_FINDING = "no finding"

VIEWS: dict[str, str] = {
    "chest frontal": "PA",
    "chest lateral": "lateral",
    "hand": "PA",
    "knee": "AP",
    "pelvis": "AP",
    "abdomen": "AP supine",
}
REGION_WEIGHTS: dict[str, float] = {
    "chest frontal": 0.34,
    "chest lateral": 0.10,
    "hand": 0.15,
    "knee": 0.14,
    "pelvis": 0.13,
    "abdomen": 0.14,
}
LIMBS = ("hand", "knee")  # regions whose side is the examined limb, also when normal
FINGERS = ("thumb", "index finger", "middle finger", "ring finger", "little finger")
SIZES: tuple[tuple[str, str, float], ...] = (  # size word, severity, amount in 0..1
    ("small", "mild", 0.2),
    ("moderate", "moderate", 0.55),
    ("large", "severe", 0.92),
)


@dataclass(frozen=True)
class Kind:
    """One kind of finding: its possible places, how it is graded, and what it can occur with.

    `grade` says what its amount is called: "size", "severity", "displacement", or "" if it is not graded.
    `bilateral` is the probability of both sides.
    """

    places: dict[str, tuple[str, ...]]
    sided: bool = True
    grade: str = "size"
    bilateral: float = 0.0
    weight: float = 1.0
    companions: tuple[str, ...] = field(default=())


ZONES = ("upper zone", "mid zone", "lower zone")

FINDINGS: dict[str, Kind] = {
    "consolidation": Kind(
        {"chest frontal": ZONES, "chest lateral": ("middle lobe", "lower lobe")},
        weight=1.5,
        companions=("pleural effusion", "central line"),
        bilateral=0.08,
    ),
    "pleural effusion": Kind(
        {"chest frontal": ("base",), "chest lateral": ("posterior costophrenic angle",)},
        weight=1.4,
        companions=("cardiomegaly", "central line", "pacemaker"),
        bilateral=0.15,
    ),
    "pneumothorax": Kind(
        {"chest frontal": ("apex",)}, weight=1.1, companions=("rib fracture", "central line")
    ),
    "lung nodule": Kind(
        {"chest frontal": ZONES, "chest lateral": ("retrosternal space", "lower lobe")},
        weight=1.1,
        companions=("pleural effusion", "pacemaker"),
    ),
    "cardiomegaly": Kind(
        {"chest frontal": ("heart",), "chest lateral": ("heart",)},
        sided=False,
        weight=1.2,
        companions=("pleural effusion", "pacemaker", "pulmonary oedema"),
        grade="severity",
    ),
    "pulmonary oedema": Kind(
        {"chest frontal": ("perihilar",)},
        sided=False,
        weight=0.8,
        companions=("cardiomegaly", "central line"),
        grade="severity",
    ),
    "atelectasis": Kind({"chest frontal": ("mid zone", "lower zone")}, companions=("central line",)),
    "rib fracture": Kind(
        {"chest frontal": ("upper ribs", "middle ribs", "lower ribs")},
        grade="",
        companions=("pneumothorax", "pleural effusion"),
    ),
    "pacemaker": Kind(
        {"chest frontal": ("chest wall",), "chest lateral": ("chest wall",)},
        grade="",
        weight=0.7,
        companions=("cardiomegaly", "pleural effusion"),
    ),
    "central line": Kind({"chest frontal": ("superior vena cava",)}, grade="", weight=0.6),
    "vertebral fracture": Kind(
        {"chest lateral": ("mid thoracic spine", "lower thoracic spine")}, sided=False,
        weight=1.3,
        grade="severity",
    ),
    "fracture": Kind(
        {
            "hand": (
                "distal radius", "index finger metacarpal", "middle finger metacarpal",
                "ring finger metacarpal", "little finger metacarpal",
                "index finger proximal phalanx", "middle finger proximal phalanx",
                "ring finger proximal phalanx",
            ),
            "knee": ("tibial plateau", "distal femur", "proximal fibula"),
            "pelvis": ("femoral neck", "superior pubic ramus"),
        },
        weight=1.8,
        companions=("soft tissue swelling", "joint effusion"),
        grade="displacement",
    ),
    "dislocation": Kind(
        {
            "hand": tuple(f"{finger} proximal interphalangeal joint" for finger in FINGERS[1:]),
            "knee": ("patella",),
            "pelvis": ("hip",),
        },
        grade="",
        weight=0.8,
        companions=("soft tissue swelling",),
    ),
    "osteoarthritis": Kind(
        {
            "hand": (
                "thumb base", "index finger distal interphalangeal joint",
                "middle finger distal interphalangeal joint",
                "ring finger distal interphalangeal joint",
            ),
            "knee": ("medial compartment", "lateral compartment"),
            "pelvis": ("hip",),
        },
        weight=1.3,
        companions=("joint effusion",),
        grade="severity",
    ),
    "joint effusion": Kind({"knee": ("suprapatellar recess",)}, weight=1.5),
    "lytic lesion": Kind(
        {
            "hand": ("middle finger metacarpal", "ring finger proximal phalanx"),
            "knee": ("distal femur", "proximal tibia"),
            "pelvis": ("iliac wing", "proximal femur"),
        }
    ),
    "sclerotic lesion": Kind(
        {"knee": ("distal femur", "proximal tibia"), "pelvis": ("iliac wing", "proximal femur")},
        weight=0.8,
    ),
    "metal implant": Kind(
        {
            "hand": ("distal radius", "little finger metacarpal"),
            "knee": ("knee joint",),
            "pelvis": ("hip",),
        },
        grade="",
        companions=("joint effusion", "soft tissue swelling"),
    ),
    "soft tissue swelling": Kind(
        {"hand": ("index finger", "middle finger", "ring finger", "wrist"), "knee": ("knee",)},
        weight=0.8,
        grade="severity",
    ),
    "foreign body": Kind(
        {"hand": ("palm", "thumb"), "abdomen": ("upper quadrant", "lower quadrant")},
        grade="",
        weight=0.7,
        companions=("soft tissue swelling",),
    ),
    "bowel obstruction": Kind(
        {"abdomen": ("central abdomen",)}, sided=False, weight=1.4, companions=("kidney stone",),
        grade="severity",
    ),
    "kidney stone": Kind({"abdomen": ("kidney", "ureter")}, weight=1.2),
    "gallstones": Kind({"abdomen": ("upper quadrant",)}, weight=0.7, companions=("kidney stone",)),
    "free air": Kind({"abdomen": ("below the diaphragm",)}, companions=("bowel obstruction",)),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One finding as it is drawn and reported; `amount` in 0..1 grows with size and severity."""

    name: str
    place: str
    side: str = ""
    size_word: str = ""
    severity: str = ""
    amount: float = 0.5


def findings_of(region: str) -> list[str]:
    """Names of the findings that can occur in a region."""
    return [name for name, kind in FINDINGS.items() if region in kind.places]
