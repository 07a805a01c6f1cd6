"""What two sides of a comparison say of each row."""

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


def as_text(column: pd.Series) -> pd.Series:
    """Cells as text, "" where there is none."""
    return column.astype(object).where(column.notna(), "").astype("str").reset_index(drop=True)


def compared(left: Side, sign: str, right: Side) -> np.ndarray:
    """Row by row, as the package says."""
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
