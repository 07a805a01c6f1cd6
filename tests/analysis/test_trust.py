"""Trustworthiness and continuity: scikit-learn's values, a slow implementation, planted distortions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness

from suture.analysis.math.arrays import unit_rows
from suture.analysis.projection import pca, trust
from suture.analysis.retrieval.nearest import TIE, nearest


def cloud(n: int, dim: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return unit_rows(rng.normal(size=(4, dim))[rng.integers(4, size=n)] + 0.5 * rng.normal(size=(n, dim)))


@pytest.mark.parametrize(("n", "k"), [(40, 5), (300, 15), (301, 1), (60, 29)])
def test_both_are_what_scikit_learn_gives(n: int, k: int) -> None:
    z = cloud(n, seed=n)
    xy = pca(z).xy.astype(float)
    found = trust(z, xy, k=k)
    theirs = trustworthiness(z, xy, n_neighbors=k, metric="cosine"), trustworthiness(xy, z, n_neighbors=k)
    assert found.trustworthiness == pytest.approx(theirs[0], abs=5e-5)  # ours takes close cosines as equal
    assert found.continuity == pytest.approx(theirs[1], abs=5e-5)
    assert (found.k, found.measured, found.error) == (k, n, 0)


def slowly(near: np.ndarray, judge: np.ndarray, k: int, tie: float) -> np.ndarray:
    """Per point, from two whole matrices of distances: neighbours by `near`, ranks by `judge`."""
    n, values = len(near), []
    for i in range(n):
        others = [j for j in np.argsort(near[i], kind="stable") if j != i][:k]
        ranks = [1 + sum(judge[i, m] < judge[i, j] - tie for m in range(n) if m != i) for j in others]
        values.append(1 - 2 / (k * (2 * n - 3 * k - 1)) * sum(max(0, r - k) for r in ranks))
    return np.asarray(values)


@given(st.integers(8, 40), st.integers(1, 3), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_every_point_agrees_with_the_slow_version(n: int, k: int, seed: int) -> None:
    z = cloud(n, seed=seed)
    xy = np.random.default_rng(seed).normal(size=(n, 2))
    found = trust(z, xy, k=k)
    full, flat = 1 - z @ z.T, np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.testing.assert_allclose(found.per_point_trust, slowly(flat, full, k, TIE), atol=1e-12)
    np.testing.assert_allclose(found.per_point_continuity, slowly(full, flat, k, 0), atol=1e-12)
    assert found.trustworthiness == pytest.approx(found.per_point_trust.mean())
    assert found.continuity == pytest.approx(found.per_point_continuity.mean())


def test_a_true_map_loses_nothing_and_a_shuffled_one_is_chance() -> None:
    angle = np.sort(np.random.default_rng(0).uniform(0, 3, size=400))
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    true = trust(arc, 7 * arc[:, ::-1] + 3)
    assert (true.trustworthiness, true.continuity) == (1, 1)
    assert not true.distorted().any()
    shuffled = trust(arc, np.random.default_rng(1).permutation(arc))
    assert abs(shuffled.trustworthiness - 0.5) < 0.03
    assert shuffled.distorted().mean() > 0.99


def test_points_drawn_in_a_wrong_group_are_the_distorted_ones() -> None:
    angle = np.concatenate([np.linspace(0, 0.5, 100), np.linspace(2, 2.5, 100)])
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    wrong = [10, 50, 130]
    xy = arc.copy()
    xy[wrong] = arc[[150, 190, 40]] + 1e-4
    assert np.flatnonzero(trust(arc, xy, k=5).distorted(0.7)).tolist() == wrong


def test_a_sample_gives_the_same_points_against_all_rows() -> None:
    z = cloud(500)
    xy = pca(z).xy
    whole, part = trust(z, xy), trust(z, xy, limit=200, seed=3)
    seen = ~np.isnan(part.per_point_trust)
    assert seen.sum() == part.measured == 200
    np.testing.assert_allclose(part.per_point_trust[seen], whole.per_point_trust[seen])
    np.testing.assert_allclose(part.per_point_continuity[seen], whole.per_point_continuity[seen])
    assert abs(part.trustworthiness - whole.trustworthiness) < 4 * part.error
    assert not part.distorted()[~seen].any()


def test_a_shared_graph_changes_nothing() -> None:
    z = cloud(200)
    xy = pca(z).xy
    shared = trust(z, xy, graph=nearest(z, z, k=20))
    np.testing.assert_array_equal(shared.per_point_continuity, trust(z, xy).per_point_continuity)


def test_ties_count_in_the_favour_of_the_map() -> None:
    same = np.tile(unit_rows(np.ones((1, 6))), (30, 1))
    found = trust(same, np.random.default_rng(0).normal(size=(30, 2)))
    assert found.trustworthiness == 1  # all are equally near: no neighbour is a false one
    piled = trust(cloud(30), np.zeros((30, 2)))
    assert piled.continuity == 1  # all lie on one another: none is drawn farther off


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_rows_are_undefined(n: int) -> None:
    found = trust(cloud(n), np.zeros((n, 2)))
    assert np.isnan([found.trustworthiness, found.continuity]).all()
    assert np.isnan(found.per_point_trust).all()
    assert not found.distorted().any()


def test_k_is_cut_below_half_of_the_rows() -> None:
    assert trust(cloud(3), cloud(3, 2)).k == 1
    assert trust(cloud(20), cloud(20, 2)).k == 9


def test_places_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="one position per row, got 5 positions for 6 rows"):
        trust(cloud(6), np.zeros((5, 2)))
