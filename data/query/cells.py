"""Comparison of two operands, row by row."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Operand:
    """One side of a comparison: the cells of a column, or one value.

    quoted  a value in quotes, which is text even if it looks like a number
    """

    texts: pd.Series | str
    quoted: bool = False

    @cached_property
    def numbers(self) -> np.ndarray:
        """The cells as numbers, NaN where a cell is not a finite number."""
        cells = self.texts if isinstance(self.texts, pd.Series) else pd.Series([self.texts])
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float)
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        return numbers if isinstance(self.texts, pd.Series) else numbers[0]


def as_text(column: pd.Series) -> pd.Series:
    """Cells as text, "" where missing."""
    return column.astype(object).where(column.notna(), "").astype("str").reset_index(drop=True)


def compare(left: Operand, sign: str, right: Operand) -> np.ndarray:
    """Whether the comparison holds, (n_rows,) bool, by the rules in the docstring of `suture.data.query`."""
    operation = OPERATORS[sign]
    texts = [
        side.texts if isinstance(side.texts, str) else side.texts.to_numpy(object) for side in (left, right)
    ]
    if sign in ("==", "!="):
        equal = np.asarray(texts[0] == texts[1])
        if not (left.quoted or right.quoted):
            equal = equal | (left.numbers == right.numbers)
        return equal if sign == "==" else ~equal
    numeric = [~np.isnan(side.numbers) for side in (left, right)]
    present = [np.asarray(text != "") for text in texts]
    as_numbers = numeric[0] & numeric[1] & operation(left.numbers, right.numbers)
    as_texts = ~numeric[0] & ~numeric[1] & present[0] & present[1]
    return as_numbers | (as_texts & operation(*texts)) if as_texts.any() else as_numbers
