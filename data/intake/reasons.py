"""Every reason code of the intake: reasons.txt is the table, docs/reason-codes.md is written from it.

`python -m suture.data.intake.reasons` writes the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_suffix(".txt")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "reason-codes.md"
OPENING = """# Reason codes

Whatever is given to Suture is taken, or answered by one of these codes: in the intake report on the page, in
its downloadable form, and in what the shell prints with `--json`. A code stays the same from version to
version; the message beside it says what was expected, what came, and what to do, and never quotes a report or
a tag.

- **refused**: nothing of the source was kept, and nothing that was here before has changed.
- **skipped**: one item was left out; the others were taken. Found = taken + skipped.
- **warning**: it was taken, and a person should look at it.

How much is read is a matter of limits. They are shown where studies are added, and `SUTURE_LIMITS` changes
them: `SUTURE_LIMITS='{"table_rows": 5000000}'`.
"""


@dataclass(frozen=True)
class Reason:
    """What a code says. `answer` is refused, skipped, or warning; `means` and `do` are for people."""

    code: str
    answer: str
    means: str
    do: str


def topics() -> dict[str, list[Reason]]:
    """Title -> its reasons, in order."""
    found: dict[str, list[Reason]] = {}
    for line in TABLE.read_text().splitlines():
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append(Reason(*(cell.strip() for cell in line.split("|"))))
    return found


def reasons() -> dict[str, Reason]:
    """Code -> its reason."""
    return {reason.code: reason for topic in topics().values() for reason in topic}


def page() -> str:
    """docs/reason-codes.md as it should be."""
    return "\n".join([OPENING, *(_section(title, listed) for title, listed in topics().items())])


def _section(title: str, listed: list[Reason]) -> str:
    head = ["| code | answer | what it means | what to do |", "|---|---|---|---|"]
    rows = [f"| `{r.code}` | {r.answer} | {r.means} | {r.do} |" for r in listed]
    return "\n".join([f"## {title}", "", *head, *rows, ""])


if __name__ == "__main__":
    DOCS.write_text(page())
