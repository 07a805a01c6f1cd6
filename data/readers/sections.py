"""The parts of a free-text report, by the headings in capitals that begin them."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADING = re.compile(r"^[ \t]*([A-Z][A-Z /,()-]{3,60}?)[ \t]*:", re.MULTILINE)
FINDINGS = ("FINDING",)
IMPRESSION = ("IMPRESSION", "CONCLUSION")
HISTORY = ("INDICATION", "HISTORY", "REASON FOR", "CLINICAL INFORMATION")


@dataclass(frozen=True)
class Sections:
    """Each part in one line of words, "" if the report has none; `rest` is its last paragraph."""

    findings: str
    impression: str
    history: str
    rest: str


def sections(text: str) -> Sections:
    """Findings, impression and history; a heading like "FINDINGS AND IMPRESSION" counts as findings."""
    parts = _parts(text)
    paragraphs = [p for p in re.split(r"\n\s*\n", text) if p.strip()]
    return Sections(
        findings=_joined(parts, FINDINGS),
        impression=_joined([p for p in parts if "FINDING" not in p[0]], IMPRESSION),
        history=_joined(parts, HISTORY),
        rest=_line(paragraphs[-1]) if paragraphs else "",
    )


def _parts(text: str) -> list[tuple[str, str]]:
    found = list(HEADING.finditer(text))
    ends = [*(m.start() for m in found[1:]), len(text)][: len(found)]
    return [(m.group(1), _line(text[m.end() : end])) for m, end in zip(found, ends, strict=True)]


def _joined(parts: list[tuple[str, str]], headings: tuple[str, ...]) -> str:
    said = [words for heading, words in parts if any(h in heading for h in headings)]
    return " ".join(filter(None, said))


def _line(text: str) -> str:
    return " ".join(text.split())
