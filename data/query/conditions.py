"""Reads a condition and finds its rows: recursive descent over a small grammar, nothing is run as code."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd

from suture.data.errors import UserError
from suture.data.query.cells import OPERATORS, Side, as_text, compared
from suture.data.query.tokens import WORDS, Token, tokens

MOST_CHARACTERS = 2_000
DEEPEST = 40  # brackets and nots within each other
LISTED = 30  # columns that an error names
LIKE = 'Write for example: finding == "effusion" and age > 60.'
KNOWN = "==, !=, <, <=, >, >=, in, not in, contains, not contains, joined by and, or, not"


def matching(table: pd.DataFrame, expression: str) -> np.ndarray:
    """The rows of a table that a condition holds for: boolean, (n_rows,).

    `UserError` for what cannot be read, with the place, and for an unknown column, with those that are known.
    """
    if len(expression) > MOST_CHARACTERS:
        raise UserError(
            "query_too_long",
            f"A query may have {MOST_CHARACTERS:,} characters, this one has {len(expression):,}. Make it "
            "shorter, or find step by step and combine the results.",
        )
    return _Reader(table, tokens(expression)).whole()


class _Reader:
    """Recursive descent over the tokens; every rule gives the rows that it holds for."""

    def __init__(self, table: pd.DataFrame, tokens: list[Token]) -> None:
        self.table, self.tokens, self.depth = table, tokens, 0
        self.names = [str(column) for column in table]
        self.known: dict[str, Side] = {}

    def whole(self) -> np.ndarray:
        if self._now.kind == "end":
            raise UserError("query_empty", f"The query is empty. {LIKE}")
        found = self._either()
        if self._now.kind != "end":
            raise self._wrong("and, or, or the end")
        return found

    def _either(self) -> np.ndarray:
        found = self._all()
        while self._take("or"):
            found = found | self._all()
        return found

    def _all(self) -> np.ndarray:
        found = self._one()
        while self._take("and"):
            found = found & self._one()
        return found

    def _one(self) -> np.ndarray:
        self.depth += 1
        if self.depth > DEEPEST:
            raise UserError(
                "query_too_deep", f"A query may nest {DEEPEST} brackets and nots. Make it flatter."
            )
        if self._take("not"):
            found = ~self._one()
        elif self._take("("):
            found = self._either()
            self._need(")")
        else:
            found = self._comparison()
        self.depth -= 1
        return found

    def _comparison(self) -> np.ndarray:
        """a < b, a < b < c, a in (b, c), a contains b."""
        start, left = self._now, self._side()
        negated = self._take("not")
        if self._take("in"):
            found = self._among(self._column(left, start))
        elif self._take("contains"):
            found = self._within(self._column(left, start))
        elif negated or self._now.value not in OPERATORS or self._now.kind != "sign":
            raise self._wrong(f"one of {KNOWN}")
        else:
            return self._chain(left, start)
        return ~found if negated else found

    def _chain(self, left: Side, start: Token) -> np.ndarray:
        found = np.ones(len(self.table), bool)
        while self._now.kind == "sign" and self._now.value in OPERATORS:
            sign = self._next().value
            right = self._side()
            if isinstance(left.texts, str) and isinstance(right.texts, str):
                raise self._no_column(start)
            found &= compared(left, sign, right)
            left = right
        return found

    def _among(self, column: Side) -> np.ndarray:
        close = {"(": ")", "[": "]"}.get(self._now.value, "")
        if not close or self._now.kind != "sign":
            raise self._wrong('values in brackets, as ("val", "test")')
        self._next()
        values = [self._value()]
        while self._take(",") and self._now.value != close:
            values.append(self._value())
        self._need(close)
        return np.logical_or.reduce([compared(column, "==", value) for value in values])

    def _within(self, column: Side) -> np.ndarray:
        value = self._value()
        assert isinstance(column.texts, pd.Series)
        assert isinstance(value.texts, str)
        return column.texts.str.lower().str.contains(value.texts.lower(), regex=False).to_numpy(bool)

    def _side(self) -> Side:
        token = self._now
        if token.kind in ("text", "number"):
            return self._value()
        if token.kind == "column" or (token.kind == "name" and token.value not in WORDS):
            self._next()
            return self._cells(token)
        raise self._wrong("a column, a number, or text in quotes")

    def _value(self) -> Side:
        if self._now.kind not in ("text", "number"):
            raise self._wrong("a number or text in quotes")
        token = self._next()
        return Side(token.value, quoted=token.kind == "text")

    def _cells(self, token: Token) -> Side:
        """A column, read once for the whole query."""
        if token.value not in self.names:
            raise self._no_such(token.value)
        if token.value not in self.known:
            self.known[token.value] = Side(as_text(self.table.iloc[:, self.names.index(token.value)]))
        return self.known[token.value]

    def _column(self, side: Side, start: Token) -> Side:
        if isinstance(side.texts, str):
            raise self._no_column(start)
        return side

    @property
    def _now(self) -> Token:
        return self.tokens[0]

    def _next(self) -> Token:
        return self.tokens.pop(0)

    def _take(self, word: str) -> bool:
        if self._now.kind not in ("name", "sign") or self._now.value != word:
            return False
        self._next()
        return True

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise self._wrong(f"{sign!r}")

    def _wrong(self, expected: str) -> UserError:
        token = self._now
        if token.kind == "end":
            return UserError("query_syntax", f"The query ends too early: expected {expected}. {LIKE}")
        if token.kind in ("sign", "other") and token.value not in (*OPERATORS, *"(),[]"):
            return UserError(
                "query_operator",
                f"{token.value!r} at character {token.place} is not understood. Understood are: {KNOWN}.",
            )
        found = f"{token.value[:40]!r} at character {token.place}"
        return UserError("query_syntax", f"Expected {expected}, but came to {found}. {LIKE}")

    def _no_column(self, start: Token) -> UserError:
        return UserError(
            "query_no_column",
            f"{start.value[:40]!r} at character {start.place} is compared with no column. Write a column "
            f"without quotes, or in `backticks` if its name has spaces. {self._columns()}",
        )

    def _no_such(self, name: str) -> UserError:
        near = difflib.get_close_matches(name, self.names, 1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        return UserError(
            "query_column",
            f"There is no column {name[:40]!r}.{meant} If it was meant as text, put it in quotes. "
            f"{self._columns()}",
        )

    def _columns(self) -> str:
        more = f" and {len(self.names) - LISTED:,} more" if len(self.names) > LISTED else ""
        return f"Columns: {', '.join(self.names[:LISTED])}{more}."
