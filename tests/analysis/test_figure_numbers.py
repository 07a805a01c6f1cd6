"""Data behind the figures: cosine matrix, ridgelines by value, recall curve."""

from __future__ import annotations

import numpy as np
import pytest

from suture.analysis import gap
from suture.analysis.gap.cosine_blocks import NO_VALUE, OTHERS
from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import Ranks, rank_best, rank_curve
from tests.analysis.planted import pair

X, Y = pair(40, 6, 3)
COSINES = np.einsum("nd,nd->n", X, Y)


def test_blocks_are_symmetric_and_hold_the_true_pairs_on_their_diagonals() -> None:
    table = gap.cosine_blocks(X, 3 * Y).cosines
    assert table.shape == (80, 80)
    assert np.array_equal(table, table.T)
    assert np.diag(table) == pytest.approx(np.ones(80))
    assert np.diag(table[:40, 40:]) == pytest.approx(COSINES, abs=1e-6)
    assert table[:40, :40] == pytest.approx(X @ X.T, abs=1e-6)
    assert table[40:, 40:] == pytest.approx(Y @ Y.T, abs=1e-6)


def test_blocks_of_unlike_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(40, 6\).*\(39, 6\)"):
        gap.cosine_blocks(X, Y[1:])


def test_studies_come_by_value_and_keep_their_order_within_one() -> None:
    by = ["10", "b", "", "2", "b", "10", "a"]
    found = gap.study_order(by)
    assert (found.names, found.starts.tolist()) == (("2", "10", "a", "b", NO_VALUE), [0, 1, 3, 4, 6, 7])
    assert found.rows.tolist() == [3, 0, 5, 6, 1, 4, 2]


def test_rare_values_come_together_after_the_usual_ones() -> None:
    found = gap.study_order(["a"] * 3 + ["b"] * 2 + ["c", "d", ""], most=2)
    assert (found.names, found.starts.tolist()) == (("a", "b", OTHERS, NO_VALUE), [0, 3, 5, 7, 8])


def test_a_sample_is_drawn_by_the_seed_and_says_of_how_many() -> None:
    by = [str(i % 3) for i in range(500)]
    one, same, other = (gap.study_order(by, limit=50, seed=seed) for seed in (1, 1, 2))
    assert (len(one.rows), one.of, one.starts[-1]) == (50, 500, 50)
    assert len({*one.rows.tolist()}) == 50
    assert np.array_equal(one.rows, same.rows)
    assert not np.array_equal(one.rows, other.rows)
    assert [by[row] for row in one.rows] == sorted(by[row] for row in one.rows)


def test_ridges_come_by_the_median_of_the_last_set() -> None:
    by = np.repeat(["low", "high", "middle", "rare"], [10, 10, 10, 4])
    a = np.linspace(0.5, 0.4, 34)
    b = a + np.repeat([0.0, 0.3, 0.15, 0.9], [10, 10, 10, 4])
    found = gap.ridges([a, b], by, np.arange(34), resamples=50)
    assert [row.name for row in found.rows] == ["high", "middle", "low"]
    assert found.left_out == 1
    for row in found.rows:
        assert row.medians == (np.median(a[by == row.name]), np.median(b[by == row.name]))


def test_ridges_have_the_paired_interval_over_groups() -> None:
    """The change is 0.2 and the same for all but a little noise: it is known far better than A or B."""
    rng = np.random.default_rng(5)
    a = rng.uniform(-0.5, 0.5, 200)
    b = a + 0.2 + rng.normal(0, 0.01, 200)
    (row,) = gap.ridges([a, b], np.full(200, "x"), np.arange(200) // 2).rows
    assert (row.n, row.n_groups) == (200, 100)
    assert row.difference is not None
    low, middle, high = row.difference.low, row.difference.value, row.difference.high
    assert middle == pytest.approx(np.mean(b - a))
    assert low < middle < high
    assert high - low == pytest.approx(2 * 1.96 * 0.01 / np.sqrt(200), rel=0.35)


def test_ridges_below_five_groups_have_no_interval_and_one_set_has_no_difference() -> None:
    groups = np.arange(20) % 4
    (row,) = gap.ridges([COSINES[:20], COSINES[20:]], np.full(20, "x"), groups).rows
    assert row.difference is not None
    assert np.isnan(row.difference.low)
    (alone,) = gap.ridges([COSINES], np.full(40, "x"), np.arange(40)).rows
    assert alone.difference is None


def test_each_hill_has_an_area_of_one() -> None:
    found = gap.ridges([COSINES, np.full(40, 0.3)], np.full(40, "x"), np.arange(40), resamples=2)
    for hill in found.rows[0].densities:
        assert np.trapezoid(hill, found.grid) == pytest.approx(1, abs=0.03)


def test_ridges_want_one_value_a_study() -> None:
    with pytest.raises(ValueError, match=r"got \[40, 39, 40\]"):
        gap.ridges([COSINES], np.full(39, "x"), np.arange(40))


def slowly(scores: np.ndarray, right: np.ndarray, k: int, rng: np.random.Generator) -> float:
    """Recall at k by shuffling the gallery and sorting it, again and again: ties fall by chance."""
    hits = []
    for _ in range(3000):
        order = rng.permutation(scores.shape[1])
        best = order[np.argsort(-scores[:, order], axis=1, kind="stable")][:, :k]
        hits.append(np.take_along_axis(right, best, axis=1).any(axis=1).mean())
    return float(np.mean(hits))


def test_the_rank_curve_is_what_shuffling_and_sorting_gives_ties_included() -> None:
    rng = np.random.default_rng(0)
    items = unit_rows(np.repeat(np.eye(4), 3, axis=0))  # three of each: everything is tied
    keys = np.arange(12) // 2
    ranks = rank_best(items, items, keys, keys)
    curve = rank_curve(ranks, np.arange(12), 12, resamples=2)
    assert curve.k.tolist() == [*range(1, 13)]
    right = keys[:, None] == keys[None, :]
    scores = np.round(items @ items.T, 6)
    for k in (1, 2, 3, 5, 12):
        assert curve.recall[k - 1] == pytest.approx(slowly(scores, right, k, rng), abs=0.02)
        by_chance = slowly(np.zeros((12, 12)), right, k, rng)
        shown = rank_curve(ranks, np.arange(12), 12, right=2, resamples=2).chance[k - 1]
        assert shown == pytest.approx(by_chance, abs=0.02)


def test_the_rank_curve_rises_to_one_within_its_band() -> None:
    ranks = Ranks(np.random.default_rng(1).integers(0, 900, 300), np.ones(300, int), np.ones(300, int))
    curve = rank_curve(ranks, np.arange(300) // 3, 1000)
    assert (curve.k[0], curve.k[-1], curve.recall[-1]) == (1, 1000, 1.0)
    assert (np.diff(curve.k) > 0).all()
    assert (np.diff(curve.recall) >= 0).all()
    assert ((curve.low <= curve.recall) & (curve.recall <= curve.high)).all()
    assert {1, 5, 10} <= {*curve.k.tolist()}
    assert curve.chance == pytest.approx(curve.k / 1000)


def test_the_rank_curve_of_few_groups_has_no_band_and_wants_a_gallery() -> None:
    ranks = Ranks(np.zeros(6, int), np.ones(6, int), np.ones(6, int))
    assert np.isnan(rank_curve(ranks, np.arange(6) // 3, 9).low).all()
    with pytest.raises(ValueError, match="Expected one group per query and a gallery"):
        rank_curve(ranks, np.arange(5), 9)
    with pytest.raises(ValueError, match="gallery"):
        rank_curve(ranks, np.arange(6), 0)
