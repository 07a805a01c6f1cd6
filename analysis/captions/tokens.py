"""The tokeniser and n-gram counts used by all word-based metrics.

NFKC, lower case, runs of letters and digits; each Chinese character and kana is a word of its own;
punctuation, hyphens and underscores separate words and are dropped. The Penn Treebank tokens of the COCO
caption tools differ in few places: they keep "well-defined", "2.5" and "'s" as one token each, and a
run of Chinese characters as one word.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

Gram = tuple[str, ...] | str

CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Vowel signs and accents belong to the preceding letter, although \w excludes them.
MARKS = "".join(chr(c) for c in range(0x300, 0xAC00) if unicodedata.category(chr(c)).startswith("M"))
LETTER = rf"[^\W_{CJK}]"
WORD = re.compile(rf"[{CJK}]|{LETTER}(?:{LETTER}|[{MARKS}])*")


def words(text: str) -> list[str]:
    """The words of a text in order; [] for a text without letters or digits."""
    return WORD.findall(unicodedata.normalize("NFKC", text).lower())


def grams(items: Sequence[str] | str, n: int) -> Counter[Gram]:
    """Counts of n-grams of words or, for a string, of characters."""
    if isinstance(items, str):
        return Counter(items[i : i + n] for i in range(len(items) - n + 1))
    return Counter(tuple(items[i : i + n]) for i in range(len(items) - n + 1))


def shared_count(a: Counter[Gram], b: Counter[Gram]) -> int:
    """Number of n-grams in common, each counted with its smaller count."""
    if len(b) < len(a):
        a, b = b, a
    return sum(min(count, b[gram]) for gram, count in a.items() if gram in b)
