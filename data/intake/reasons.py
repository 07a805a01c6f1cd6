"""All reason codes. reasons.txt is the table; docs/reason-codes.md is generated from it.

`python -m suture.data.intake.reasons` writes the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_suffix(".txt")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "reason-codes.md"
OPENING = """# Reason codes

Suture imports what it is given, or gives one of these codes: in the import report on the page, in its
downloadable form, and in the output of the shell with `--json`. Codes stay the same from version to version.
The message beside a code says what was expected, what was found and what to do; it never quotes a report or a
tag.

- **refused**: nothing was imported, and nothing that was stored before has changed.
- **skipped**: one item was left out, the others were imported. Found = taken + skipped.
- **warning**: it was imported, and someone should check it.

The size of what is read is limited. The Library page shows the limits, and `SUTURE_LIMITS` changes them:
`SUTURE_LIMITS='{"table_rows": 5000000}'`.
"""


@dataclass(frozen=True)
class Reason:
    """One code. `answer` is refused, skipped or warning; `means` and `do` are sentences for people."""

    code: str
    answer: str
    means: str
    do: str


def topics() -> dict[str, list[Reason]]:
    """Section title -> its reasons, in order."""
    sections: dict[str, list[Reason]] = {}
    for line in TABLE.read_text().splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(Reason(*(cell.strip() for cell in line.split("|"))))
    return sections


def reasons() -> dict[str, Reason]:
    """Code -> its reason."""
    return {reason.code: reason for topic in topics().values() for reason in topic}


def page() -> str:
    """The content of docs/reason-codes.md."""
    return "\n".join([OPENING, *(_section(title, listed) for title, listed in topics().items())])


def _section(title: str, listed: list[Reason]) -> str:
    head = ["| code | answer | what it means | what to do |", "|---|---|---|---|"]
    rows = [f"| `{r.code}` | {r.answer} | {r.means} | {r.do} |" for r in listed]
    return "\n".join([f"## {title}", "", *head, *rows, ""])


if __name__ == "__main__":
    DOCS.write_text(page())
