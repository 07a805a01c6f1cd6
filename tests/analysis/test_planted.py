"""End to end: planted properties are found from vectors to evaluation to verdict."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest

from suture.analysis.compare import Comparison, compare, summary
from suture.analysis.evaluate import evaluate
from suture.analysis.math.arrays import unit_rows
from suture.data.embedding_set import EmbeddingSet

N, DIM = 300, 32
PAIR = ("image", "report")
NAMED = {"closed", "narrowed", "better", "worse", "changed"}  # what says that something happened


def content(seed: int, *, pairs: float, offset: float = 0.5) -> dict[str, np.ndarray]:
    """Places of images and reports before the noise of a checkpoint: `pairs` apart, and an offset."""
    rng = np.random.default_rng([1, seed])
    shared = rng.normal(size=(N, DIM))
    return {
        m: shared + pairs * rng.normal(size=shared.shape) + side * offset * np.eye(DIM)[0]
        for m, side in zip(PAIR, (1, -1), strict=True)
    }


def embedded(places: dict[str, np.ndarray], seed: int, *, noise: float) -> EmbeddingSet:
    """A checkpoint that sees the places with noise of its own; two studies a patient."""
    rng = np.random.default_rng([2, seed])
    vectors = {m: unit_rows(z + noise * rng.normal(size=z.shape)) for m, z in places.items()}
    ids = [f"s{i}" for i in range(N)]
    groups = [f"p{i // 2}" for i in range(N)]
    rows = pd.DataFrame({"study_id": ids, "group": groups, "split": "test", "duplicate_group": ""})
    return EmbeddingSet("set", vectors, rows)


def compared(a: EmbeddingSet, b: EmbeddingSet) -> Comparison:
    first, second = (evaluate(part, resamples=200) for part in (a, b))
    return compare(first, second)


def verdicts(seeds: int, *, pairs: float, noise: float) -> dict[tuple[object, ...], Counter[str]]:
    """Words by metric: checkpoints of one law, each with fresh noise, against the one before."""
    found: dict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    places = content(0, pairs=pairs)
    before = evaluate(embedded(places, 0, noise=noise), resamples=200)
    for seed in range(1, seeds + 1):
        after = evaluate(embedded(places, seed, noise=noise), resamples=200)
        for row in compare(before, after).rows:
            found[row.a.key][row.verdict] += 1
        before = after
    return found


def test_a_planted_offset_is_recovered_and_called_closed() -> None:
    """B lies as A, less a shift of the reports along a direction that the studies do not use."""
    rng = np.random.default_rng(0)
    shared = np.pad(rng.normal(size=(N, DIM - 2)), ((0, 0), (0, 2)))
    shared[:, -2] = 20  # far from the middle: unit rows then keep offsets as they are
    gaps = (8.0, 0.5)
    sets = []
    for gap in gaps:
        places = {"image": shared, "report": shared + gap * np.eye(DIM)[-1]}
        sets.append(embedded(places, 0, noise=0.05))
    comparison = compared(*sets)
    row = comparison.find("centroid_gap", *PAIR)
    assert row is not None
    lengths = np.square(shared).sum(axis=1)
    planted = []
    for gap in gaps:
        turned = shared / np.sqrt(lengths + gap**2)[:, None] - shared / np.sqrt(lengths)[:, None]
        planted.append(
            np.hypot(np.linalg.norm(turned.mean(axis=0)), np.mean(gap / np.sqrt(lengths + gap**2)))
        )
    assert (row.a.value, row.b.value) == pytest.approx(planted, abs=0.002)
    assert row.difference == pytest.approx(planted[1] - planted[0], abs=0.002)
    assert row.low <= planted[1] - planted[0] <= row.high
    assert row.verdict == "closed"
    assert summary(comparison, PAIR).headline.startswith("The gap closed: 0.3")


def test_pairs_that_came_closer_are_called_better_and_a_lost_partner_worse() -> None:
    near, far = (embedded(content(0, pairs=p), 0, noise=0.05) for p in (0.5, 1.5))
    forth, back = compared(far, near), compared(near, far)
    for name, direction in (("cos_true_pairs", None), ("recall_at_1", "image->report")):
        for comparison, wanted in ((forth, ("better", "B")), (back, ("worse", "A"))):
            row = comparison.find(name, *PAIR, direction=direction)
            assert row is not None
            assert (row.verdict, row.better) == wanted, name


def test_the_same_set_is_unchanged_in_every_number() -> None:
    one = embedded(content(0, pairs=1.0), 0, noise=0.5)
    again = EmbeddingSet("again", {m: z.copy() for m, z in one.vectors.items()}, one.rows)
    for row in compared(one, again).rows:
        assert row.verdict == ("unchanged" if row.difference is not None else "undefined"), row.name
        assert row.difference in (0.0, None), row.name


@pytest.mark.slow  # many comparisons of simulated sets
def test_sets_of_one_law_are_unchanged_where_the_studies_suffice() -> None:
    """A hundred seeds, noise as of two builds of one encoder: every number that has an interval."""
    for metric, words in verdicts(100, pairs=0.1, noise=0.005).items():
        if set(words) != {"no interval"}:
            assert words["unchanged"] >= 95, (metric, dict(words))


@pytest.mark.slow  # many comparisons of simulated sets
def test_sets_of_one_law_are_not_told_apart_where_they_do_not_suffice() -> None:
    """Noise that reorders most lists: "unchanged" or "not decidable", a named change in one of twenty."""
    seeds = 60
    found = verdicts(seeds, pairs=0.7, noise=0.5)
    named = {metric: sum(words[w] for w in NAMED) for metric, words in found.items()}
    assert max(named.values()) <= seeds / 6, {m: n for m, n in named.items() if n > seeds / 6}
    assert np.mean([*named.values()]) / seeds < 0.07, named
    assert any(words["not decidable at this N"] > seeds / 2 for words in found.values())
