"""Find studies by words in their texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from suture.data.query.cells import as_text

SEARCH_TERM = re.compile(r"""(-?)(?:"([^"]*)"|(\S+))""")


def lowercase_texts(table: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """All texts of each row in lower case, for repeated searches: (n_rows,) of str."""
    joined = pd.Series("", index=range(len(table)), dtype="str")
    for column in columns:
        # The line break keeps a phrase from matching across two columns.
        joined = joined + "\n" + as_text(table[column]).str.lower()
    return joined


def rows_with_words(table: pd.DataFrame, columns: Sequence[str], text: str) -> np.ndarray:
    """The rows whose columns contain every word: boolean, (n_rows,). See `contains_words`."""
    return contains_words(lowercase_texts(table, columns), text)


def contains_words(texts: pd.Series, text: str) -> np.ndarray:
    """Which texts of `lowercase_texts` contain every word, in any order and case: boolean, (n_rows,).

    "two words" in quotes must be adjacent; -word and -"two words" must not occur. A word also matches inside
    a longer one: effusion in effusions. An empty search finds nothing.
    """
    terms = [
        (sign == "-", (phrase or word.strip('"')).lower()) for sign, phrase, word in SEARCH_TERM.findall(text)
    ]
    terms = [(excluded, word) for excluded, word in terms if word.strip("-")]
    matches = np.full(len(texts), bool(terms))
    for excluded, word in terms:
        matches &= texts.str.contains(word, regex=False).to_numpy(bool) != excluded
    return matches
