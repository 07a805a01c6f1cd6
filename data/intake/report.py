"""The report of an import: found = taken + skipped, or the whole source was refused."""

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
    """found = taken + sum of skipped, unless `refused` gives the code of why nothing was imported.

    problems     the first 50 skipped items as (item, code, message)
    warnings     warning code -> number of imported items
    identifiers  kind -> number of possible identifiers of persons in the texts
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
    """The report of a refused source."""
    counts = skipped.counts() if skipped else {}
    problems = skipped.first() if skipped else ()
    return IntakeReport(found, 0, counts, error.code, error.message, problems)


class Skips:
    """Counts skipped items by reason, and keeps the first `SHOWN_PROBLEMS` of them."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._counts: Counter[str] = Counter()
        self._first: list[Problem] = []
        for problem in problems:
            self._append(problem)

    @classmethod
    def of(cls, counts: Mapping[str, int], shown: Iterable[Problem]) -> Skips:
        """The inverse of `counts` and `first`."""
        skips = cls()
        skips._counts, skips._first = Counter(counts), [(i, c, m) for i, c, m in shown]
        return skips

    def add(self, item: str, error: UserError) -> None:
        """Add one skipped item."""
        self._append((item, error.code, error.message))

    def _append(self, problem: Problem) -> None:
        self._counts[problem[1]] += 1
        if len(self._first) < SHOWN_PROBLEMS:
            self._first.append(problem)

    def counts(self) -> dict[str, int]:
        """Reason code -> number of items."""
        return dict(self._counts)

    def first(self) -> tuple[Problem, ...]:
        """The first skipped items, to be shown."""
        return tuple(self._first)

    def __len__(self) -> int:
        return self._counts.total()
