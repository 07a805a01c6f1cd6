"""Which studies a person asks for: by a condition on columns, or by words of the texts.

    finding == "effusion" and age > 60            split in ("val", "test")
    not sex == "F"                                label contains "left"
    40 <= age < 60                                `size in mm` >= 8 or severity == ""

Conditions are read by the small grammar below and nothing of them is ever run as code. Row by row:

- two numbers compare as numbers, two texts as texts; a number and a text differ, and neither is larger.
  What is in quotes equals a cell only as text.
- an empty cell equals "" and nothing else, and is neither smaller nor larger than anything.
- `==` and `in` mind upper and lower case, `contains` does not.
- `not` binds closer than `and`, `and` closer than `or`.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from data.errors import UserError

MOST_CHARACTERS = 2_000
DEEPEST = 40  # brackets and nots within each other
LISTED = 30  # columns that an error names
LIKE = 'Write for example: finding == "effusion" and age > 60.'
OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
KNOWN = "==, !=, <, <=, >, >=, in, not in, contains, not contains, joined by and, or, not"
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
ONE = re.compile(r"""(-?)(?:"([^"]*)"|(\S+))""")


@dataclass(frozen=True)
class Token:
    kind: str  # text, column, number, name, sign, other, end
    value: str
    place: int  # of its first character, from 1


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the cells of a column, or one value. quoted: text, also if it is a number."""

    texts: pd.Series | str
    quoted: bool = False

    @cached_property
    def numbers(self) -> np.ndarray:
        """As numbers, NaN where a cell is none."""
        cells = self.texts if isinstance(self.texts, pd.Series) else pd.Series([self.texts])
        found = pd.to_numeric(cells, errors="coerce").to_numpy(float)
        found = np.where(np.isfinite(found), found, np.nan)
        return found if isinstance(self.texts, pd.Series) else found[0]


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
    return _Reader(table, _tokens(expression)).whole()


def lowered(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """All texts of each row in lower case, to be searched many times: (n_rows,) of str."""
    joined = pd.Series("", index=range(len(table)), dtype="str")
    for column in columns:
        joined = joined + "\n" + _cells(table[column]).str.lower()  # a phrase does not reach over two columns
    return joined


def words(table: pd.DataFrame, columns: Sequence[str], text: str) -> np.ndarray:
    """The rows whose columns hold every word: boolean, (n_rows,). See `holding`."""
    return holding(lowered(table, columns), text)


def holding(texts: pd.Series, text: str) -> np.ndarray:
    """Which `lowered` texts hold every word, in any order and any case: boolean, (n_rows,).

    "two words" in quotes stand together; -word, -"two words" must not occur. Words are found inside longer
    ones: effusion in effusions. Nothing asked finds nothing.
    """
    asked = [(sign == "-", (phrase or word.strip('"')).lower()) for sign, phrase, word in ONE.findall(text)]
    asked = [(out, word) for out, word in asked if word.strip("-")]
    found = np.full(len(texts), bool(asked))
    for out, word in asked:
        found &= texts.str.contains(word, regex=False).to_numpy(bool) != out
    return found


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
            found &= _compared(left, sign, right)
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
        return np.logical_or.reduce([_compared(column, "==", value) for value in values])

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
            self.known[token.value] = Side(_cells(self.table.iloc[:, self.names.index(token.value)]))
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


def _tokens(expression: str) -> list[Token]:
    found = []
    for match in TOKEN.finditer(expression.rstrip()):
        kind = match.lastgroup or "other"
        value = match[kind]
        if kind == "other" and value in "\"'`":
            raise UserError(
                "query_syntax", f"The {value} at character {match.start(kind) + 1} is not closed."
            )
        value = value[1:-1] if kind in ("text", "column") else value
        found.append(Token(kind, "==" if value == "=" else value, match.start(kind) + 1))
    return [*found, Token("end", "", len(expression) + 1)]


def _cells(column: pd.Series) -> pd.Series:
    """Cells as text, "" where there is none."""
    return column.astype(object).where(column.notna(), "").astype("str").reset_index(drop=True)


def _compared(left: Side, sign: str, right: Side) -> np.ndarray:
    """Row by row, as the module says."""
    compare = OPERATORS[sign]
    texts = [
        side.texts if isinstance(side.texts, str) else side.texts.to_numpy(object) for side in (left, right)
    ]
    if sign in ("==", "!="):
        equal = np.asarray(texts[0] == texts[1])
        if not (left.quoted or right.quoted):
            equal = equal | (left.numbers == right.numbers)
        return equal if sign == "==" else ~equal
    numeric = [~np.isnan(side.numbers) for side in (left, right)]
    there = [np.asarray(text != "") for text in texts]
    as_numbers = numeric[0] & numeric[1] & compare(left.numbers, right.numbers)
    as_texts = ~numeric[0] & ~numeric[1] & there[0] & there[1]
    return as_numbers | (as_texts & compare(*texts)) if as_texts.any() else as_numbers
