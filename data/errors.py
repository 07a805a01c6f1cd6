"""The exceptions for problems that a user can fix."""

from __future__ import annotations

import difflib

SHOWN = 10  # names that an error lists


class UserError(Exception):
    """A problem that the user can fix. The message says what was expected, what was found, and what to do.

    `code` is a stable machine-readable reason (snake_case), the same in the shell, on pages and in reports.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Refused(UserError):
    """The whole source is refused. Nothing of it was stored, and nothing that was already stored changed."""


class Skipped(UserError):
    """One item is skipped; the others are still read."""


class NotFound(UserError):
    """The workspace has no record of this name."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        existing = ", ".join(known[:SHOWN]) if known else "none yet"
        existing += f" and {len(known) - SHOWN:,} more" if len(known) > SHOWN else ""
        near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__("not_found", f"There is no {kind} called {name!r}. There are: {existing}.{hint}")
