"""The report of an import: found = taken + skipped, or the whole source was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from suture.data.errors import UserError

SHOWN_PROBLEMS = 100  # of each reason
SHOWN_WARNED = 20  # of each warning
Problem = tuple[str, str, str]  # item, reason code, message


@dataclass(frozen=True)
class IntakeReport:
    """found = taken + sum of skipped, unless `refused` gives the code of why nothing was imported.

    problems     the first 100 skipped items of each reason, as (item, code, message)
    warnings     warning code -> number of imported items
    warned       warning code -> the first studies, files or columns that it is about
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
    warned: dict[str, tuple[str, ...]] = field(default_factory=dict)

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
            "problems": [{"item": i, "code": c, "message": m} for i, c, m in self.problems],
            "warned": {code: [*items] for code, items in self.warned.items()},
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
    """Counts skipped items by reason, and keeps the first `SHOWN_PROBLEMS` of each."""

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
        if self._counts[problem[1]] <= SHOWN_PROBLEMS:
            self._first.append(problem)

    def merge(self, other: Skips) -> None:
        """Add the counts of another, and its items after those here."""
        room = {code: SHOWN_PROBLEMS - self._counts[code] for code in other._counts}
        for item, code, message in other._first:
            if room[code] > 0:
                self._first.append((item, code, message))
                room[code] -= 1
        self._counts.update(other._counts)

    def counts(self) -> dict[str, int]:
        """Reason code -> number of items."""
        return dict(self._counts)

    def first(self) -> tuple[Problem, ...]:
        """The first skipped items, to be shown."""
        return tuple(self._first)

    def __len__(self) -> int:
        return self._counts.total()
