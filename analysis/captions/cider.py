"""CIDEr-D: TF-IDF weighted n-gram similarity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np

from suture.analysis.captions.ngram_overlap import ORDERS, Words
from suture.analysis.captions.tokens import Gram, grams

SIGMA = 6.0  # a length difference of this many words costs 40 %
SCALE = 10.0

Weights = dict[Gram, float]


def cider(candidates: Sequence[Words], references: Sequence[Words]) -> np.ndarray:
    """(n_studies,) CIDEr-D of each study, 0..10, higher = closer.

    10 / 4 sum_k exp(-d^2 / 72) <min(c, r), r> / (|c| |r|), c, r = counts of k-grams times log(n / df),
    df = number of scored references with the k-gram, d = difference of the numbers of word pairs. One
    reference per study. A k-gram in every reference has weight 0, so a single study, or equal references,
    score 0; k-grams longer than a text add 0. Vedantam et al. 2015, as in the COCO caption tools.
    """
    similarity = np.zeros(len(references))
    lengths = [max(len(c) - 1, 0) - max(len(r) - 1, 0) for c, r in zip(candidates, references, strict=True)]
    for k in ORDERS:
        true = [grams(text, k) for text in references]
        document_counts = Counter(gram for counts in true for gram in counts)
        for i, (text, counts) in enumerate(zip(candidates, true, strict=True)):
            similarity[i] += _cosine(
                _tf_idf(grams(text, k), document_counts, len(true)),
                _tf_idf(counts, document_counts, len(true)),
            )
    return SCALE / len(ORDERS) * similarity * np.exp(-np.square(lengths) / (2 * SIGMA**2))


def _tf_idf(counts: Counter[Gram], document_counts: Counter[Gram], n: int) -> Weights:
    return {gram: count * log(n / max(1, document_counts[gram])) for gram, count in counts.items()}


def _cosine(candidate: Weights, reference: Weights) -> float:
    """Cosine with the candidate clipped to the reference, so that repeating a word gains nothing."""
    lengths = _length(candidate) * _length(reference)
    if not lengths:
        return 0.0
    return sum(min(w, reference[g]) * reference[g] for g, w in candidate.items() if g in reference) / lengths


def _length(weights: Weights) -> float:
    return sum(w * w for w in weights.values()) ** 0.5
