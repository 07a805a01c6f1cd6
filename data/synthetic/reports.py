"""Write the report of a planned study, in one of four reporting styles."""

from __future__ import annotations

import re

import numpy as np

from suture.data.synthetic import phrases
from suture.data.synthetic.factors import FINDINGS, Finding
from suture.data.synthetic.plan import Plan

REPORT = 21  # purpose of the seeded draws
STYLES = ("terse", "full", "structured", "narrative")
STYLE_SHARES = (0.24, 0.32, 0.22, 0.22)


def write_report(plan: Plan, *, seed: int, number: int) -> str:
    """One to four sentences that are true of the plan; findings that they deny are absent."""
    rng = np.random.default_rng([seed, REPORT, number])
    style = str(rng.choice(STYLES, p=STYLE_SHARES))
    positives = [describe(rng, finding) for finding in plan.findings]
    if style == "terse":
        return _terse(rng, plan, positives)
    if style == "structured":
        return _structured(rng, plan, positives)
    return _prose(rng, plan, positives, technique=style == "narrative")


def describe(rng: np.random.Generator, finding: Finding) -> str:
    """One sentence that states a finding."""
    kind = FINDINGS[finding.name]
    size = _pick(rng, phrases.GRADES[kind.grade][finding.severity]) if kind.grade else ""
    place = _pick(rng, phrases.PLACES.get(finding.place, (finding.place,)))
    template = _pick(rng, phrases.FINDING_SENTENCES[finding.name])
    return fill(template, size=size, side=finding.side, place=place)


def fill(template: str, *, size: str = "", side: str = "", place: str = "") -> str:
    """A template's sentence: slots filled, gaps closed, articles and capitals set right."""
    text = template.format(size=size, side=side, place=place)
    text = re.sub(r"\bthe bilateral (\w[\w ]*?)(?=[.,;]| consistent|$)", r"both \1s", text)
    text = text.replace("on the bilateral", "on both sides")
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" ([.,;])", r"\1", text)
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return text[0].upper() + text[1:]


def _terse(rng: np.random.Generator, plan: Plan, positives: list[str]) -> str:
    """As few words as possible."""
    if not positives:
        return fill(_pick(rng, phrases.ALL_WELL[plan.region]), side=plan.side)
    closing = [deny(rng, plan, 1)] if rng.random() < 0.35 else []
    return " ".join([*positives, *(text for text in closing if text)])


def _prose(rng: np.random.Generator, plan: Plan, positives: list[str], *, technique: bool) -> str:
    """Full sentences: findings, what is normal, what is absent, sometimes an impression."""
    opening = [fill(_pick(rng, phrases.TECHNIQUES[plan.region]), side=plan.side)]
    well = _all_is_well(rng, plan, int(rng.integers(1, 3)) if not positives else 1)
    parts = (opening if technique else []) + positives + well
    absent = deny(rng, plan, int(rng.integers(1, 4)))
    parts += [absent] if absent else []
    if not positives and rng.random() < 0.4:
        parts.append(fill(_pick(rng, phrases.ALL_WELL[plan.region]), side=plan.side))
    return " ".join(parts[:4])


def _structured(rng: np.random.Generator, plan: Plan, positives: list[str]) -> str:
    """FINDINGS and IMPRESSION under their headings."""
    absent = deny(rng, plan, int(rng.integers(1, 3)))
    body = positives + _all_is_well(rng, plan, 1 if positives else 2) + ([absent] if absent else [])
    summary = fill(_pick(rng, phrases.ALL_WELL[plan.region]), side=plan.side)
    if plan.findings:
        summary = f"{_named(plan.findings, plan.region)}."
    return f"FINDINGS: {' '.join(body[:3])} IMPRESSION: {summary[0].upper()}{summary[1:]}"


def _named(findings: tuple[Finding, ...], region: str) -> str:
    """Findings by their names: 'left pleural effusion and cardiomegaly', 'fracture, left hip'."""
    if region.startswith("chest"):
        return " and ".join(f"{finding.side} {finding.name}".strip() for finding in findings)
    placed = (f"{finding.name}, {finding.side} {finding.place}" for finding in findings)
    return "; ".join(text.replace(",  ", ", ") for text in placed)


def deny(rng: np.random.Generator, plan: Plan, count: int) -> str:
    """'No x, y or z.' with up to `count` findings that are truly absent; "" if none is left."""
    options = [words for names, words in phrases.DENIALS[plan.region] if _absent(plan, names)]
    if not options:
        return ""
    chosen = [str(word) for word in rng.permutation(options)[:count]]
    listed = ", ".join(chosen[:-1])
    joined = f"{listed} or {chosen[-1]}" if listed else chosen[-1]
    forms = ("No {}.", "No {}.", "No evidence of {}.", "No {} seen.", "There is no {}.")
    return _pick(rng, forms).format(joined)


def _all_is_well(rng: np.random.Generator, plan: Plan, count: int) -> list[str]:
    statements = phrases.NORMAL_STATEMENTS[plan.region]
    options = [words for names, words in statements if _absent(plan, names)]
    return [str(text) for text in rng.permutation(options)[:count]] if options else []


def _absent(plan: Plan, names: str) -> bool:
    """Whether no finding named in `names` (names run together) is present."""
    return not any(finding.name in names for finding in plan.findings)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]
