"""Scores that depend on word order: ROUGE-L and METEOR."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import snowballstemmer

Words = Sequence[str]
ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5  # METEOR: weight of recall, exponent and factor of the penalty


def rouge_l(candidate: Words, reference: Words) -> float:
    """F score of the longest common subsequence, 0..1, higher = closer; 0 if a text is empty.

    2 P R / (P + R) = 2 L / (c + r), L = words of the longest common subsequence, c, r = words of the two.
    Lin 2004, as the rouge-score package; the COCO caption tools give recall more weight (beta 1.2).
    """
    length = len(candidate) + len(reference)
    return 2 * common_subsequence(candidate, reference) / length if length else 0.0


def common_subsequence(a: Words, b: Words) -> int:
    """Length of the longest common subsequence in words, bit-parallel (Hyyro 2004)."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    full = row = (1 << len(a)) - 1
    for word in b:
        met = row & places.get(word, 0)
        row = ((row + met) | (row - met)) & full
    return len(a) - row.bit_count()


def meteor(candidate: Words, reference: Words) -> float:
    """METEOR with exact and stem matches, 0..1, higher = closer; no synonyms, no paraphrases.

    (1 - 0.5 (chunks / m)^3) P R / (0.9 P + 0.1 R), m = matched words, chunks = contiguous matches in
    the same order. Identical texts of m words score 1 - 0.5 / m^3. Banerjee and Lavie 2005; equals nltk's
    meteor_score without WordNet, with the English Snowball stemmer that Meteor 1.5 uses.
    """
    pairs = sorted(_aligned(candidate, reference))
    if not pairs:
        return 0.0
    m = len(pairs)
    chunks = 1 + sum((i + 1, j + 1) != following for (i, j), following in pairwise(pairs))
    precision, recall = m / len(candidate), m / len(reference)
    mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
    return (1 - GAMMA * (chunks / m) ** BETA) * mean


def _aligned(candidate: Words, reference: Words) -> list[tuple[int, int]]:
    """Positions of matched words: exact matches first, then equal stems; later words before earlier ones."""
    left = list(enumerate(candidate))
    right = list(enumerate(reference))
    pairs = _matches(left, right)
    used, taken = {i for i, _ in pairs}, {j for _, j in pairs}
    rest = [(i, stem(word)) for i, word in left if i not in used]
    return pairs + _matches(rest, [(j, stem(word)) for j, word in right if j not in taken])


def _matches(left: list[tuple[int, str]], right: list[tuple[int, str]]) -> list[tuple[int, int]]:
    places: dict[str, list[int]] = {}
    for j, word in right:
        places.setdefault(word, []).append(j)
    return [(i, places[word].pop()) for i, word in reversed(left) if places.get(word)]


_ENGLISH = snowballstemmer.stemmer("english")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The English stem; words in other alphabets are unchanged."""
    return _ENGLISH.stemWord(word)
