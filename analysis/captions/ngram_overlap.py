"""N-gram scores of words and characters: BLEU, chrF, distinct-n."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from suture.analysis.captions.tokens import Gram, grams, shared_count

Words = Sequence[str]
ORDERS = (1, 2, 3, 4)
CHARACTERS = 6  # chrF: n-grams of 1 to 6 characters
BETA = 2.0  # chrF2: recall has twice the weight of precision


def bleu_counts(candidates: Sequence[Words], references: Sequence[Words]) -> dict[str, np.ndarray]:
    """Counts for BLEU of each study, (n_studies,) each; additive, so a resample is a sum.

    shared_k  k-grams in common, clipped; runs_k  k-grams of the candidate
    length, reference_length  words
    """
    parts = {"length": _lengths(candidates), "reference_length": _lengths(references)}
    for k in ORDERS:
        both = zip(candidates, references, strict=True)
        parts[f"shared_{k}"] = np.array([shared_count(grams(c, k), grams(r, k)) for c, r in both], float)
        parts[f"runs_{k}"] = np.maximum(parts["length"] - k + 1, 0)
    return parts


def bleu(totals: Mapping[str, np.ndarray], order: int) -> np.ndarray:
    """Corpus BLEU of sums of `bleu_counts`, of any shape; 0..1, higher = closer.

    min(1, exp(1 - r / c)) (p_1 .. p_order)^(1 / order), p_k = shared / runs over all studies; r, c = words
    of references and candidates. Not smoothed: 0 if no k-gram of the highest order is shared. Papineni et
    al. 2002; equals sacrebleu's corpus BLEU with smoothing "none" on the same words.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = [totals[f"shared_{k}"] / np.maximum(totals[f"runs_{k}"], 1) for k in ORDERS[:order]]
        brevity = np.minimum(1, np.exp(1 - totals["reference_length"] / totals["length"]))
        score = brevity * np.exp(np.mean(np.log(precision), axis=0))
    return np.where(totals["length"] > 0, score, 0.0)


def chrf(candidate: Words, reference: Words) -> float:
    """chrF2 of one study, 0..1, higher = closer; spaces and punctuation do not count.

    F = 5 P R / (4 P + R), P and R = means of precision and recall of n-grams of 1 to 6 characters over the
    orders that both texts have. Popovic 2015; equals sacrebleu's sentence chrF2 on the same words.
    """
    a, b = "".join(candidate), "".join(reference)
    orders = range(1, min(CHARACTERS, len(a), len(b)) + 1)
    if not orders:
        return 0.0
    common = [shared_count(grams(a, k), grams(b, k)) for k in orders]
    precision = sum(c / (len(a) - k + 1) for c, k in zip(common, orders, strict=True)) / len(orders)
    recall = sum(c / (len(b) - k + 1) for c, k in zip(common, orders, strict=True)) / len(orders)
    if not common[0]:
        return 0.0
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def distinct(texts: Sequence[Words], n: int) -> float:
    """Distinct n-grams / all n-grams, 0..1, higher = more varied; NaN without n-grams.

    Li et al. 2016. Falls with the number of texts: compare only at equal n.
    """
    seen: set[Gram] = set()
    total = 0
    for text in texts:
        runs = grams(text, n)
        seen.update(runs)
        total += runs.total()
    return len(seen) / total if total else np.nan


def _lengths(texts: Sequence[Words]) -> np.ndarray:
    return np.array([len(text) for text in texts], dtype=float)
