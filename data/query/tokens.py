"""The tokens of a condition."""

from __future__ import annotations

import re
from dataclasses import dataclass

from suture.data.errors import UserError

WORDS = {"and", "or", "not", "in", "contains"}
TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')
    |(?P<column>`[^`]+`)
    |(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>[<>=!&|~+\-*/%^@:;.?$#]+|[(),\[\]])
    |(?P<other>\S))""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    kind: str  # text, column, number, name, sign, other, end
    value: str
    place: int  # of its first character, from 1


def tokenize(expression: str) -> list[Token]:
    """The tokens in order, followed by an "end" token. `UserError` for a quote that is not closed."""
    tokens = []
    for match in TOKEN.finditer(expression.rstrip()):
        kind = match.lastgroup or "other"
        value = match[kind]
        if kind == "other" and value in "\"'`":
            raise UserError(
                "query_syntax", f"The {value} at character {match.start(kind) + 1} is not closed."
            )
        value = value[1:-1] if kind in ("text", "column") else value
        tokens.append(Token(kind, "==" if value == "=" else value, match.start(kind) + 1))
    return [*tokens, Token("end", "", len(expression) + 1)]
