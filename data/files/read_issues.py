"""`ReadIssues`: items that reading a source skipped, and warnings about items that it accepted."""

from __future__ import annotations

from suture.data.errors import UserError

Problem = tuple[str, str, str]  # item, reason code, message


class ReadIssues:
    """Collects skipped items and warnings while files and tables are read. Each is counted once."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str], str] = {}
        self._warnings: dict[tuple[str, str], int] = {}

    def skip(self, item: str, error: UserError) -> None:
        """Record an item that is skipped."""
        self._problems[item, error.code] = error.message

    def warn(self, code: str, item: str = "", count: int = 1) -> None:
        """Record a warning about something that was accepted but should be checked."""
        self._warnings[code, item] = count

    def merge(self, other: ReadIssues) -> None:
        """Add the issues collected elsewhere."""
        self._problems |= other._problems
        self._warnings |= other._warnings

    def problems(self) -> tuple[Problem, ...]:
        """The skipped items, in order."""
        return tuple((item, code, message) for (item, code), message in self._problems.items())

    def warned(self) -> dict[str, list[str]]:
        """Warning code -> the items that it is about, where it has any."""
        items: dict[str, list[str]] = {}
        for code, item in self._warnings:
            if item:
                items.setdefault(code, []).append(item)
        return items

    def warnings(self) -> dict[str, int]:
        """Warning code -> count."""
        counts: dict[str, int] = {}
        for (code, _), count in self._warnings.items():
            counts[code] = counts.get(code, 0) + count
        return counts
