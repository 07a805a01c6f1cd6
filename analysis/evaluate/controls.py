"""The permutation control: shuffle who belongs to whom, and see which numbers notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from suture.analysis.evaluate.cohort import Cohort
from suture.analysis.evaluate.record import Control, Metric
from suture.analysis.math.arrays import true_cosines
from suture.analysis.retrieval import rank_best
from suture.analysis.statistics.bootstrap import seeded_sample
from suture.analysis.statistics.hypothesis_tests import wilson

QUERIES = 1_000  # of a shuffled retrieval, against the whole gallery
EXACT = 1e-9
K = 10


def controls(step: Cohort, metrics: Sequence[Metric]) -> Iterator[Control]:
    """Gap, cosine of pairs and recall at 10 of one pair of modalities, partners as they are and shuffled.

    The gap must stay as it is: it does not know the pairs. The cosine must fall to the mean cosine of
    strangers (within 3 standard errors), and recall to chance (within a 99.9 % interval). Shuffled by a
    seeded permutation that leaves no study its own partner; chance for recall: the k places, less those of
    own partners, over the other items.
    """
    x, y = step.vectors
    n = len(x)
    rng = np.random.default_rng(step.seed)
    order = rng.permutation(n)
    others = np.empty(n, dtype=int)
    others[order] = np.roll(order, 1)  # one cycle: nobody stays where it was
    gap = float(np.linalg.norm(x.mean - y.mean))
    shuffled = float(np.linalg.norm(x.mean - y.total(others) / n))
    yield Control("centroid_gap", step.modalities, gap, shuffled, gap, abs(shuffled - gap) < EXACT, n)
    cosines = true_cosines(x, y)
    strangers = np.concatenate(
        [np.einsum("nd,nd->n", part, y.take(others[rows])) for rows, part in x.blocks()]
    )
    expected = float((n * n * x.mean @ y.mean - cosines.sum()) / (n * (n - 1)))
    near = abs(strangers.mean() - expected) <= 3 * strangers.std() / np.sqrt(n) + EXACT
    yield Control(
        "cos_true_pairs",
        step.modalities,
        float(cosines.mean()),
        float(strangers.mean()),
        expected,
        bool(near),
        n,
    )
    for a, b in (step.modalities, step.modalities[::-1]):
        yield _recall(step, a, b, others, metrics)


def _recall(step: Cohort, a: str, b: str, others: np.ndarray, metrics: Sequence[Metric]) -> Control:
    queries, gallery = step.of_modality(a), step.of_modality(b)
    n = len(queries)
    asked = seeded_sample(n, QUERIES, step.seed)
    ranks = rank_best(queries.source(asked), gallery, others[asked], np.arange(n))
    hits = float(ranks.hit(K).mean())
    low, high = wilson(hits * len(asked), len(asked), level=0.999)
    direction = f"{a}->{b}"
    name = f"recall_at_{K}"
    true = next(
        m.value
        for m in metrics
        if (m.name, m.direction, m.protocol) == (name, direction, "strict") and m.value is not None
    )
    chance = float(np.clip((K - true) / (n - 1), 0, 1))  # the own partner holds a place and is never right
    holds = low - EXACT <= chance <= high + EXACT
    return Control(name, (a, b), true, hits, chance, holds, len(asked), direction)
