"""Studies whose texts hold certain words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from suture.data.query.cells import as_text

ONE = re.compile(r"""(-?)(?:"([^"]*)"|(\S+))""")


def lowered(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """All texts of each row in lower case, to be searched many times: (n_rows,) of str."""
    joined = pd.Series("", index=range(len(table)), dtype="str")
    for column in columns:
        joined = (
            joined + "\n" + as_text(table[column]).str.lower()
        )  # a phrase does not reach over two columns
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
