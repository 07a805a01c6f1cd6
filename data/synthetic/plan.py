"""What each study will show, drawn at random before anything is rendered or written.

Every draw comes from a generator seeded by (seed, purpose, number), so study i and its patient do not depend
on the number of studies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from suture.data.synthetic.factors import FINDINGS, LIMBS, REGION_WEIGHTS, SIZES, Finding, Kind, findings_of

PATIENT, SPLIT, STUDY = 1, 2, 3  # purposes of the seeded draws
SPLITS = ("train",) * 7 + ("val",) + ("test",) * 2
NORMAL, SECOND, REPEAT = 0.25, 0.22, 0.15  # probabilities: no finding, a second one, a second visit


@dataclass(frozen=True)
class Patient:
    """A synthetic person; `split` holds for all of the person's studies."""

    number: int
    age: int
    sex: str
    split: str


@dataclass(frozen=True)
class Plan:
    """One study: patient, region, and findings; `side` is that of the limb, for limbs."""

    patient: Patient
    region: str
    side: str
    findings: tuple[Finding, ...]


def patients(seed: int) -> Iterator[Patient]:
    """An endless sequence of patients, each repeated for every study they have."""
    number = 0
    while True:
        rng = np.random.default_rng([seed, PATIENT, number])
        age = int(np.clip(rng.normal(57, 19), 18, 95))
        sex = "F" if rng.random() < 0.5 else "M"
        # Every ten patients are dealt 7 / 1 / 2, so small sets are split well too.
        order = np.random.default_rng([seed, SPLIT, number // 10]).permutation(10)
        patient = Patient(number, age, sex, SPLITS[int(order[number % 10])])
        visits = int(rng.integers(2, 4)) if rng.random() < REPEAT else 1
        yield from [patient] * visits
        number += 1


def plan_study(seed: int, number: int, patient: Patient) -> Plan:
    """Draw study `number` of the set: region, side, findings."""
    rng = np.random.default_rng([seed, STUDY, number])
    regions = list(REGION_WEIGHTS)
    region = str(rng.choice(regions, p=list(REGION_WEIGHTS.values())))
    limb_side = _either(rng) if region in LIMBS else ""
    findings: tuple[Finding, ...] = ()
    if rng.random() >= NORMAL:
        findings = _draw_findings(rng, region, limb_side, patient.age)
    side = limb_side or (findings[0].side if findings else "")
    return Plan(patient, region, side, findings)


def _draw_findings(rng: np.random.Generator, region: str, limb_side: str, age: int) -> tuple[Finding, ...]:
    names = findings_of(region)
    weights = np.array([FINDINGS[name].weight * _by_age(name, age) for name in names])
    first = _draw(rng, str(rng.choice(names, p=weights / weights.sum())), region, limb_side)
    friends = [name for name in FINDINGS[first.name].companions if name in names]
    if not friends or rng.random() >= SECOND / 0.6:  # about six kinds in ten have a companion
        return (first,)
    second = _draw(rng, str(rng.choice(friends)), region, limb_side)
    return first, second


def _draw(rng: np.random.Generator, name: str, region: str, limb_side: str) -> Finding:
    kind = FINDINGS[name]
    place = str(rng.choice(kind.places[region]))
    side = limb_side or (_side(rng, name, kind) if region != "chest lateral" else "")
    if not kind.grade:
        return Finding(name, place, side)
    size_word, severity, amount = SIZES[int(rng.choice(3, p=[0.32, 0.4, 0.28]))]
    size = size_word if kind.grade == "size" else ""
    return Finding(name, place, side, size, severity, amount + float(rng.uniform(-0.08, 0.08)))


def _side(rng: np.random.Generator, name: str, kind: Kind) -> str:
    if name == "pulmonary oedema":
        return "bilateral"
    if not kind.sided:
        return ""
    if name == "gallstones" or (name == "free air" and rng.random() < 0.5):
        return "right"  # where the liver and the gallbladder are
    return "bilateral" if rng.random() < kind.bilateral else _either(rng)


def _either(rng: np.random.Generator) -> str:
    return "left" if rng.random() < 0.5 else "right"


def _by_age(name: str, age: int) -> float:
    """The factor by which age changes the weight of a finding."""
    if name in ("osteoarthritis", "cardiomegaly", "vertebral fracture", "pulmonary oedema"):
        return 0.25 if age < 40 else 1.5 if age > 60 else 1.0
    if name in ("dislocation", "foreign body"):
        return 1.6 if age < 40 else 0.8
    return 1.0
