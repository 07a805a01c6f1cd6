"""The permutation control: shuffle who belongs to whom, and see which numbers notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.evaluate.record import Control, Metric
from analysis.evaluate.step import Step
from analysis.gap import pair_gap
from analysis.retrieval import rank_best
from analysis.significance import wilson
from analysis.uncertainty import GroupBootstrap

QUERIES = 2_000  # of a shuffled retrieval, against the whole gallery
EXACT = 1e-9
K = 10


def controls(step: Step, metrics: Sequence[Metric]) -> Iterator[Control]:
    """Gap, cosine of pairs and recall at 10 of one pair of modalities, partners as they are and shuffled.

    The gap must stay as it is: it does not know the pairs. The cosine must fall to the mean cosine of
    strangers, and recall to chance. Shuffled by a seeded permutation that leaves no study its own
    partner; chance for recall is k over the gallery.
    """
    x, y = step.vectors
    n = len(x)
    rng = np.random.default_rng(step.seed)
    order = rng.permutation(n)
    others = np.empty(n, dtype=int)
    others[order] = np.roll(order, 1)  # one cycle: nobody stays where it was
    once = GroupBootstrap(np.arange(n), resamples=2)
    true, shuffled = pair_gap(x, y, bootstrap=once), pair_gap(x, y[others], bootstrap=once)
    gap = shuffled.centroid_gap.value
    same = abs(gap - true.centroid_gap.value) < EXACT
    yield Control(
        "centroid_gap", step.modalities, true.centroid_gap.value, gap, true.centroid_gap.value, same, n
    )
    cosine, strangers = shuffled.cos_true_pairs.value, true.cos_true_pairs.value - true.margin.value
    spread = float(np.std(np.einsum("nd,nd->n", x, y[others])) / np.sqrt(n))
    near = abs(cosine - strangers) <= 3 * spread + EXACT
    yield Control("cos_true_pairs", step.modalities, true.cos_true_pairs.value, cosine, strangers, near, n)
    for a, b in (step.modalities, step.modalities[::-1]):
        yield _recall(step, a, b, others, metrics)


def _recall(step: Step, a: str, b: str, others: np.ndarray, metrics: Sequence[Metric]) -> Control:
    queries, gallery = step.of_modality(a), step.of_modality(b)
    n = len(queries)
    asked = np.sort(np.random.default_rng(step.seed).permutation(n)[:QUERIES])
    ranks = rank_best(queries[asked], gallery, others[asked], np.arange(n))
    hits = float(ranks.hit(K).mean())
    low, high = wilson(hits * len(asked), len(asked), level=0.999)
    chance = min(1.0, K / n)
    direction = f"{a}->{b}"
    name = f"recall_at_{K}"
    true = next(
        m.value
        for m in metrics
        if (m.name, m.direction, m.protocol) == (name, direction, "strict") and m.value is not None
    )
    holds = low <= chance <= high
    return Control(name, (a, b), true, hits, chance, holds, len(asked), direction)
