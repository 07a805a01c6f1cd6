"""The permutation control: shuffle the pairs and check that each metric reacts as it must."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from suture.analysis.evaluate.cohort import Cohort
from suture.analysis.evaluate.record import Control, Metric
from suture.analysis.math.arrays import true_cosines
from suture.analysis.retrieval import rank_best
from suture.analysis.statistics.bootstrap import seeded_sample
from suture.analysis.statistics.hypothesis_tests import wilson

QUERIES = 1_000  # queries of the shuffled retrieval, against the whole gallery
EXACT = 1e-9
K = 10


def controls(cohort: Cohort, metrics: Sequence[Metric]) -> Iterator[Control]:
    """Gap, cosine of true pairs and recall at 10 of one pair of modalities, with true and shuffled pairs.

    The gap must not change, since it ignores the pairing. The cosine must fall to the mean cosine of random
    pairs (within 3 standard errors), and recall to chance (within a 99.9 % interval). The seeded permutation
    leaves no study with its own partner; chance of recall: the k places, minus those taken by own partners,
    over the other items.
    """
    x, y = cohort.vectors
    n = len(x)
    rng = np.random.default_rng(cohort.seed)
    order = rng.permutation(n)
    others = np.empty(n, dtype=int)
    others[order] = np.roll(order, 1)  # one cycle: no study keeps its partner
    gap = float(np.linalg.norm(x.mean - y.mean))
    shuffled = float(np.linalg.norm(x.mean - y.total(others) / n))
    yield Control("centroid_gap", cohort.modalities, gap, shuffled, gap, abs(shuffled - gap) < EXACT, n)
    cosines = true_cosines(x, y)
    random_cosines = np.concatenate(
        [np.einsum("nd,nd->n", part, y.take(others[rows])) for rows, part in x.blocks()]
    )
    expected = float((n * n * x.mean @ y.mean - cosines.sum()) / (n * (n - 1)))
    near = abs(random_cosines.mean() - expected) <= 3 * random_cosines.std() / np.sqrt(n) + EXACT
    yield Control(
        "cos_true_pairs",
        cohort.modalities,
        float(cosines.mean()),
        float(random_cosines.mean()),
        expected,
        bool(near),
        n,
    )
    for a, b in (cohort.modalities, cohort.modalities[::-1]):
        yield _recall(cohort, a, b, others, metrics)


def _recall(cohort: Cohort, a: str, b: str, others: np.ndarray, metrics: Sequence[Metric]) -> Control:
    queries, gallery = cohort.of_modality(a), cohort.of_modality(b)
    n = len(queries)
    queried = seeded_sample(n, QUERIES, cohort.seed)
    ranks = rank_best(queries.source(queried), gallery, others[queried], np.arange(n))
    hits = float(ranks.hit(K).mean())
    low, high = wilson(hits * len(queried), len(queried), level=0.999)
    direction = f"{a}->{b}"
    name = f"recall_at_{K}"
    true = next(
        m.value
        for m in metrics
        if (m.name, m.direction, m.protocol) == (name, direction, "strict") and m.value is not None
    )
    chance = float(np.clip((K - true) / (n - 1), 0, 1))  # the own partner takes a place and is never right
    holds = low - EXACT <= chance <= high + EXACT
    return Control(name, (a, b), true, hits, chance, holds, len(queried), direction)
