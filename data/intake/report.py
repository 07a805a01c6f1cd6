"""What happened to everything that was offered: found = taken + skipped, or all was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from suture.data.errors import UserError

SHOWN_PROBLEMS = 50
Problem = tuple[str, str, str]  # item, reason code, message


@dataclass(frozen=True)
class IntakeReport:
    """found = taken + sum of skipped, unless `refused` names the reason that nothing was taken.

    `problems` lists the first 50 skipped items as (item, code, message). `warnings` counts, by code, what was
    taken and should be looked at; `identifiers` counts, by kind, what in the texts may name a person.
    """

    found: int
    taken: int
    skipped: dict[str, int] = field(default_factory=dict)
    refused: str | None = None
    message: str = ""
    problems: tuple[tuple[str, str, str], ...] = ()
    warnings: dict[str, int] = field(default_factory=dict)
    identifiers: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The machine-readable form, the same for every kind of import."""
        return {
            "found": self.found,
            "taken": self.taken,
            "skipped": self.skipped,
            "refused": self.refused,
            "message": self.message,
            "warnings": self.warnings,
            "identifiers": self.identifiers,
        }

    @property
    def adds_up(self) -> bool:
        """Whether every found item is accounted for."""
        return self.refused is not None or self.found == self.taken + sum(self.skipped.values())


def refusal(error: UserError, *, found: int = 0, skipped: Skips | None = None) -> IntakeReport:
    """The report of a source of which nothing was kept."""
    counts = skipped.counts() if skipped else {}
    problems = skipped.shown() if skipped else ()
    return IntakeReport(found, 0, counts, error.code, error.message, problems)


class Skips:
    """Counts what had to be left out, by reason, and keeps the first of it."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._counts: Counter[str] = Counter()
        self._shown: list[Problem] = []
        for problem in problems:
            self._note(problem)

    @classmethod
    def of(cls, counts: Mapping[str, int], shown: Iterable[Problem]) -> Skips:
        """What `counts` and `shown` gave."""
        skips = cls()
        skips._counts, skips._shown = Counter(counts), [(i, c, m) for i, c, m in shown]
        return skips

    def add(self, item: str, error: UserError) -> None:
        """Note one item that was left out."""
        self._note((item, error.code, error.message))

    def _note(self, problem: Problem) -> None:
        self._counts[problem[1]] += 1
        if len(self._shown) < SHOWN_PROBLEMS:
            self._shown.append(problem)

    def counts(self) -> dict[str, int]:
        """Reason code -> number of items."""
        return dict(self._counts)

    def shown(self) -> tuple[Problem, ...]:
        """The first problems, for people."""
        return tuple(self._shown)

    def __len__(self) -> int:
        return self._counts.total()
