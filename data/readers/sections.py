"""Split a free-text report into sections by their headings. No word of the text is lost.

A heading is at the start of a line before a colon, alone on a line, or before a colon after the end of a
sentence. Other headings in capitals before a colon end a section; they and their text go into `rest`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

import pandas as pd

HEADINGS = {  # first match wins; "INDICATION/HISTORY" and "IMPRESSION AND PLAN" count by their first word
    "findings": r"findings?|observations?|description",
    "impression": r"(?:final )?impressions?|conclusions?|opinion|assessment|summary|interpretation|diagnosis",
    "indication": r"(?:clinical )?indications?(?: for (?:the |this )?\w+)?|reason for (?:the |this )?\w+"
    r"|clinical question",
    "history": r"(?:clinical |patient |medical |brief )?history"
    r"|clinical (?:information|data|details|background)",
    "comparison": r"comparisons?(?: stud(?:y|ies)| exams?)?"
    r"|(?:prior|previous) (?:stud(?:y|ies)|exam\w*|imaging)",
    "technique": r"techniques?|procedure|protocol|methods?",
}
_KNOWN = "|".join(f"(?P<{part}>{names})" for part, names in HEADINGS.items())
_KNOWN = rf"(?i:(?:{_KNOWN})(?: ?(?:and|&|/|,) ?\w+)?)"
_HEADING = re.compile(
    rf"^[ \t#*_]*{_KNOWN}[ \t*_]*(?::[*_]*|$)".replace("?P<", "?P<line_")
    + rf"|(?<=[.!?])[ \t]+{_KNOWN}[ \t]*:".replace("?P<", "?P<inside_")
    + r"|^[ \t]*(?P<other>[A-Z][A-Z /,()-]{3,60}?)[ \t]*:",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Sections:
    """The text of each section on one line, "" if the report has none; `rest` is all other text."""

    findings: str = ""
    impression: str = ""
    indication: str = ""
    history: str = ""
    comparison: str = ""
    technique: str = ""
    rest: str = ""


MAX_HEADING_WORDS = 10
PARTS = tuple(f.name for f in fields(Sections) if f.name != "rest")


def sections(text: str) -> Sections:
    """The sections of a report; a section that occurs more than once is joined in order."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = list(_HEADING.finditer(text))
    ends = [m.start() for m in found[1:]] + [len(text)]
    said: dict[str, list[str]] = {"rest": [text[: found[0].start()] if found else text]}
    for heading, end in zip(found, ends, strict=False):
        part = _part(heading)
        start = heading.start() if part == "rest" else heading.end()
        said.setdefault(part, []).append(text[start:end])
    return Sections(**{part: " ".join(" ".join(words).split()) for part, words in said.items()})


def _has_no_heading(text: str) -> bool:
    """Whether a text is surely without a heading: in some data sets most texts are one long line."""
    one_line = ":" not in text and "\n" not in text and "\r" not in text
    return one_line and text.strip().count(" ") > MAX_HEADING_WORDS


def _part(heading: re.Match[str]) -> str:
    named = next(name for name, words in heading.groupdict().items() if words is not None)
    return "rest" if named == "other" else named.partition("_")[2]


def last_paragraph(text: str) -> str:
    """The last paragraph on one line, which is the report where a short report has no headings."""
    paragraphs = [p for p in re.split(r"\n\s*\n", text) if p.strip()]
    return " ".join(paragraphs[-1].split()) if paragraphs else ""


def with_sections(rows: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """The table with added columns `report_findings`, … for each section that some text of `report` has.

    They can be chosen instead of the whole text, which stays.
    """
    made: dict[str, list[str]] = {}
    for column in columns:
        found = {part: [""] * len(rows) for part in PARTS}
        for number, text in enumerate(rows[column].tolist()):
            if not _has_no_heading(text):
                parts = sections(text)
                for part, words in found.items():
                    words[number] = getattr(parts, part)
        for part, words in found.items():
            if any(words) and f"{column}_{part}" not in rows:
                made[f"{column}_{part}"] = words
    return rows.assign(**made) if made else rows
