"""CIDEr-D: shared runs of words, weighed by how rare they are among the true reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np

from suture.analysis.captions.ngram_overlap import ORDERS, Words
from suture.analysis.captions.tokens import Gram, grams

SIGMA = 6.0  # words of difference in length that cost 40 %
SCALE = 10.0

Weights = dict[Gram, float]


def cider(candidates: Sequence[Words], references: Sequence[Words]) -> np.ndarray:
    """(n_studies,) CIDEr-D of each study, 0..10, higher = closer.

    10 / 4 sum_k exp(-d^2 / 72) <min(c, r), r> / (|c| |r|), c, r = counts of runs of k words times
    log(n / df), df = references scored here that have the run, d = difference of the numbers of pairs of
    words. One true text a study. A run that every reference has weighs nothing, so that one study alone,
    or all alike, read 0; runs longer than a text add 0. Vedantam et al. 2015, as in the COCO caption tools.
    """
    similarity = np.zeros(len(references))
    lengths = [max(len(c) - 1, 0) - max(len(r) - 1, 0) for c, r in zip(candidates, references, strict=True)]
    for k in ORDERS:
        true = [grams(text, k) for text in references]
        seen = Counter(gram for counts in true for gram in counts)
        for i, (text, counts) in enumerate(zip(candidates, true, strict=True)):
            similarity[i] += _cosine(
                _tf_idf(grams(text, k), seen, len(true)), _tf_idf(counts, seen, len(true))
            )
    return SCALE / len(ORDERS) * similarity * np.exp(-np.square(lengths) / (2 * SIGMA**2))


def _tf_idf(counts: Counter[Gram], seen: Counter[Gram], n: int) -> Weights:
    return {gram: count * log(n / max(1, seen[gram])) for gram, count in counts.items()}


def _cosine(candidate: Weights, reference: Weights) -> float:
    """Of the candidate clipped to the reference, so that repeating a word gains nothing."""
    lengths = _length(candidate) * _length(reference)
    if not lengths:
        return 0.0
    return sum(min(w, reference[g]) * reference[g] for g, w in candidate.items() if g in reference) / lengths


def _length(weights: Weights) -> float:
    return sum(w * w for w in weights.values()) ** 0.5
