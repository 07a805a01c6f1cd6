"""Parse a condition and find the rows it holds for: recursive descent, nothing is run as code."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd

from suture.data.errors import UserError
from suture.data.query.cells import OPERATORS, Operand, as_text, compare
from suture.data.query.tokens import WORDS, Token, tokenize

MAX_CHARACTERS = 2_000
MAX_DEPTH = 40  # nested brackets and nots
MAX_LISTED_COLUMNS = 30  # columns named in an error message
EXAMPLE = 'Write for example: finding == "effusion" and age > 60.'
OPERATOR_NAMES = "==, !=, <, <=, >, >=, in, not in, contains, not contains, joined by and, or, not"


def rows_matching(table: pd.DataFrame, expression: str) -> np.ndarray:
    """The rows of a table that a condition holds for: boolean, (n_rows,).

    `UserError` for a syntax error, with its position, or an unknown column, with the existing ones.
    """
    if len(expression) > MAX_CHARACTERS:
        raise UserError(
            "query_too_long",
            f"A query can have {MAX_CHARACTERS:,} characters; this one has {len(expression):,}. Shorten it, "
            "or search step by step and combine the results.",
        )
    return _Parser(table, tokenize(expression)).parse()


class _Parser:
    """Recursive descent over the tokens; every rule returns the rows that it holds for."""

    def __init__(self, table: pd.DataFrame, tokens: list[Token]) -> None:
        self.table, self.tokens, self.depth = table, tokens, 0
        self.names = [str(column) for column in table]
        self.operands: dict[str, Operand] = {}

    def parse(self) -> np.ndarray:
        if self._current.kind == "end":
            raise UserError("query_empty", f"The query is empty. {EXAMPLE}")
        rows = self._or_expression()
        if self._current.kind != "end":
            raise self._syntax_error("and, or, or the end")
        return rows

    def _or_expression(self) -> np.ndarray:
        rows = self._and_expression()
        while self._accept("or"):
            rows = rows | self._and_expression()
        return rows

    def _and_expression(self) -> np.ndarray:
        rows = self._not_expression()
        while self._accept("and"):
            rows = rows & self._not_expression()
        return rows

    def _not_expression(self) -> np.ndarray:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UserError("query_too_deep", f"A query can nest {MAX_DEPTH} brackets and nots. Simplify it.")
        if self._accept("not"):
            rows = ~self._not_expression()
        elif self._accept("("):
            rows = self._or_expression()
            self._expect(")")
        else:
            rows = self._comparison()
        self.depth -= 1
        return rows

    def _comparison(self) -> np.ndarray:
        """a < b, a < b < c, a in (b, c), a contains b."""
        start, left = self._current, self._operand()
        negated = self._accept("not")
        if self._accept("in"):
            rows = self._in_list(self._require_column(left, start))
        elif self._accept("contains"):
            rows = self._contains(self._require_column(left, start))
        elif negated or self._current.value not in OPERATORS or self._current.kind != "sign":
            raise self._syntax_error(f"one of {OPERATOR_NAMES}")
        else:
            return self._chain(left, start)
        return ~rows if negated else rows

    def _chain(self, left: Operand, start: Token) -> np.ndarray:
        rows = np.ones(len(self.table), bool)
        while self._current.kind == "sign" and self._current.value in OPERATORS:
            sign = self._advance().value
            right = self._operand()
            if isinstance(left.texts, str) and isinstance(right.texts, str):
                raise self._no_column_error(start)
            rows &= compare(left, sign, right)
            left = right
        return rows

    def _in_list(self, column: Operand) -> np.ndarray:
        close = {"(": ")", "[": "]"}.get(self._current.value, "")
        if not close or self._current.kind != "sign":
            raise self._syntax_error('values in brackets, as ("val", "test")')
        self._advance()
        values = [self._literal()]
        while self._accept(",") and self._current.value != close:
            values.append(self._literal())
        self._expect(close)
        return np.logical_or.reduce([compare(column, "==", value) for value in values])

    def _contains(self, column: Operand) -> np.ndarray:
        value = self._literal()
        assert isinstance(column.texts, pd.Series)
        assert isinstance(value.texts, str)
        return column.texts.str.lower().str.contains(value.texts.lower(), regex=False).to_numpy(bool)

    def _operand(self) -> Operand:
        token = self._current
        if token.kind in ("text", "number"):
            return self._literal()
        if token.kind == "column" or (token.kind == "name" and token.value not in WORDS):
            self._advance()
            return self._column_cells(token)
        raise self._syntax_error("a column, a number, or text in quotes")

    def _literal(self) -> Operand:
        if self._current.kind not in ("text", "number"):
            raise self._syntax_error("a number or text in quotes")
        token = self._advance()
        return Operand(token.value, quoted=token.kind == "text")

    def _column_cells(self, token: Token) -> Operand:
        """A column, read once for the whole query."""
        if token.value not in self.names:
            raise self._unknown_column_error(token.value)
        if token.value not in self.operands:
            self.operands[token.value] = Operand(as_text(self.table.iloc[:, self.names.index(token.value)]))
        return self.operands[token.value]

    def _require_column(self, operand: Operand, start: Token) -> Operand:
        if isinstance(operand.texts, str):
            raise self._no_column_error(start)
        return operand

    @property
    def _current(self) -> Token:
        return self.tokens[0]

    def _advance(self) -> Token:
        return self.tokens.pop(0)

    def _accept(self, word: str) -> bool:
        if self._current.kind not in ("name", "sign") or self._current.value != word:
            return False
        self._advance()
        return True

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._syntax_error(f"{sign!r}")

    def _syntax_error(self, expected: str) -> UserError:
        token = self._current
        if token.kind == "end":
            return UserError("query_syntax", f"The query ends too early: expected {expected}. {EXAMPLE}")
        if token.kind in ("sign", "other") and token.value not in (*OPERATORS, *"(),[]"):
            return UserError(
                "query_operator",
                f"{token.value!r} at character {token.place} is not an operator. Use: {OPERATOR_NAMES}.",
            )
        actual = f"{token.value[:40]!r} at character {token.place}"
        return UserError("query_syntax", f"Expected {expected}, found {actual}. {EXAMPLE}")

    def _no_column_error(self, start: Token) -> UserError:
        return UserError(
            "query_no_column",
            f"{start.value[:40]!r} at character {start.place} is not compared with a column. Write column "
            f"names without quotes, or in `backticks` if they have spaces. {self._column_list()}",
        )

    def _unknown_column_error(self, name: str) -> UserError:
        near = difflib.get_close_matches(name, self.names, 1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        return UserError(
            "query_column",
            f"There is no column {name[:40]!r}.{meant} If it is a text, put it in quotes. "
            f"{self._column_list()}",
        )

    def _column_list(self) -> str:
        more = (
            f" and {len(self.names) - MAX_LISTED_COLUMNS:,} more"
            if len(self.names) > MAX_LISTED_COLUMNS
            else ""
        )
        return f"Columns: {', '.join(self.names[:MAX_LISTED_COLUMNS])}{more}."
