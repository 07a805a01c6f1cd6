"""Find vocabulary terms in a text: singular and plural, both spellings, the longest if they overlap."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from suture.analysis.captions.vocabulary import FINDINGS

GAP = r"(?:[\s,-]+[^\W_]+){0,5}?"  # what "*" stands for
SPELLINGS = (("oedema", "edema"), ("haem", "hem"), ("tumour", "tumor"), ("ischaem", "ischem"),
             ("orthopaed", "orthoped"), ("dilatation", "dilation"), ("isation", "ization"))  # fmt: skip
PLURALS = (("is", "es"), ("us", "i"), ("y", "ies"), ("x", "xes"), ("s", "ses"), ("um", "a"), ("a", "ae"))
FIRST = re.compile(r"[^\W_]+")

Span = tuple[int, int, str]


def find_terms(text: str) -> list[Span]:
    """(start, end, finding) of every term, in text order, without overlap."""
    spans = sorted(_candidates(text), key=lambda span: (span[0] - span[1], span[0]))
    kept: list[Span] = []
    for start, end, name in spans:
        if all(end <= a or start >= b for a, b, _ in kept):
            kept.append((start, end, name))
    return sorted(kept)


def _candidates(text: str) -> Iterator[Span]:
    index = _index()
    for word in FIRST.finditer(text):
        for pattern, name in index.get(word[0].lower(), ()):
            if match := pattern.match(text, word.start()):
                yield match.start(), match.end(), name


@lru_cache(maxsize=1)
def _index() -> dict[str, list[tuple[re.Pattern[str], str]]]:
    """Patterns by every form of their first word, so that patterns are tried only where one occurs."""
    index = defaultdict(list)
    for name, terms in FINDINGS.items():
        for term in terms:
            first, *rest = term.split()
            pattern = re.compile("".join(["[^\\W_]+", *map(_after, rest), r"(?![^\W_])"]), re.IGNORECASE)
            for form in word_forms(first):
                index[form].append((pattern, name))
    return dict(index)


def _after(word: str) -> str:
    return GAP if word == "*" else rf"[\s,-]+(?:{'|'.join(sorted(word_forms(word), key=len, reverse=True))})"


def word_forms(word: str) -> set[str]:
    """A word in both spellings, each in the singular and the plural."""
    spelled = {word}
    for british, american in SPELLINGS:
        spelled |= {form.replace(british, american) for form in spelled}
    return (
        spelled
        | {form + "s" for form in spelled}
        | {form.removesuffix(one) + many for form in spelled for one, many in PLURALS if form.endswith(one)}
    )
