"""The one exception family for what a user can mend."""


class UserError(Exception):
    """Something a person can put right. The message says what was expected, what came, what to do.

    `code` is a stable machine-readable reason (snake_case), the same in shell, page and report.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Refused(UserError):
    """The whole source cannot be taken in. Nothing was kept, nothing already stored has changed."""


class Skipped(UserError):
    """One item cannot be taken in; the others go on."""


class NotFound(UserError):
    """A name that the workspace does not hold."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        have = ", ".join(known[:10]) if known else "none yet"
        super().__init__("not_found", f"There is no {kind} called {name!r}. There are: {have}.")
