"""Maps and neighbours: planted structure is found, and equal data give equal maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes

from suture.analysis import projection
from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval.nearest import nearest, partner_rank, partner_ranks


def two_cones(n: int = 60, dim: int = 16, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = unit_rows(rng.normal(size=(2, dim)))
    return unit_rows(np.repeat(centres, n, axis=0) + 0.2 * rng.normal(size=(2 * n, dim)))


def test_first_direction_of_pca_is_the_gap() -> None:
    z = two_cones()
    result = projection.pca(z)
    side = result.xy[:, 0] > 0
    assert side[:60].all() != side[60:].all()
    gap = unit_rows((z[:60].mean(0) - z[60:].mean(0))[None])[0]
    correlation = np.corrcoef(result.xy[:, 0], z @ gap)[0, 1]
    assert abs(correlation) > 0.99
    assert result.explained[0] > result.explained[1] > 0


def test_pca_does_not_flip_between_runs() -> None:
    z = two_cones()
    np.testing.assert_array_equal(projection.pca(z).xy, projection.pca(z.copy()).xy)
    np.testing.assert_allclose(projection.pca(z[::-1]).xy[::-1], projection.pca(z).xy, atol=1e-5)


@pytest.mark.seconds
def test_umap_separates_cones_and_is_repeatable() -> None:
    z = two_cones().astype(np.float32)
    first, again = projection.umap(z).xy, projection.umap(z).xy
    np.testing.assert_array_equal(first, again)
    apart = np.linalg.norm(first[:60].mean(0) - first[60:].mean(0))
    assert apart > first[:60].std(0).max() * 2


@pytest.mark.seconds  # UMAP is compiled
def test_warm_start_keeps_the_second_map_near_the_first() -> None:
    z = two_cones().astype(np.float32)
    first = projection.umap(z).xy
    turned = z @ np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    second = projection.umap(turned.astype(np.float32), start=first).xy
    moved = np.linalg.norm(second - first, axis=1).mean()
    assert moved < 0.3 * np.linalg.norm(first - first.mean(0), axis=1).mean()


def test_onto_undoes_rotation_mirror_and_scale() -> None:
    xy = np.random.default_rng(0).normal(size=(30, 2))
    turned = 3 * xy @ np.array([[0.0, 1.0], [1.0, 0.0]]) + 5
    np.testing.assert_allclose(projection.procrustes_onto(turned, xy), xy, atol=1e-9)


def test_onto_without_scale_keeps_distances() -> None:
    rng = np.random.default_rng(0)
    xy, target = rng.normal(size=(30, 2)), 5 * rng.normal(size=(30, 2))
    moved = projection.procrustes_onto(xy, target, scale=False)
    before, after = (np.linalg.norm(m[:, None] - m[None], axis=2) for m in (xy, moved))
    np.testing.assert_allclose(after, before, atol=1e-9)
    np.testing.assert_allclose(moved.mean(0), target.mean(0))


@pytest.mark.seconds  # UMAP is compiled
def test_a_shared_graph_gives_the_same_map() -> None:
    z = two_cones().astype(np.float32)
    shared = projection.umap(z, graph=nearest(z, z, k=40)).xy
    np.testing.assert_array_equal(shared, projection.umap(z).xy)


def test_disparity_is_scipys_and_moves_are_without_scale() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 2))
    b = 3 * a[:, ::-1] + rng.normal(size=(50, 2))
    found = projection.map_agreement(a, b)
    assert found.disparity == pytest.approx(procrustes(a, b)[2])
    assert found.moved == np.median(found.moves)
    assert projection.map_agreement(b, a).disparity == pytest.approx(found.disparity)
    turned = projection.map_agreement(a, a @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 4)
    assert max(turned.disparity, turned.moves.max()) < 1e-9
    larger = projection.map_agreement(a, 2 * a)
    assert larger.disparity < 1e-9  # the same picture,
    assert np.sqrt(np.square(larger.moves).mean()) == pytest.approx(1)  # twice as wide


def test_maps_of_other_rows_or_without_spread_do_not_compare() -> None:
    with pytest.raises(ValueError, match=r"equal shape, got \(3, 2\) and \(4, 2\)"):
        projection.map_agreement(np.zeros((3, 2)), np.zeros((4, 2)))
    assert np.isnan(projection.map_agreement(np.zeros((3, 2)), np.eye(3)[:, :2]).moved)
    with pytest.raises(ValueError, match="same rows for both maps, got 20 and 19"):
        projection.warm_started_umaps(np.eye(20), np.eye(19))


def test_started_pair_moves_what_changed_and_little_else() -> None:
    z = two_cones(100, seed=3).astype(np.float32)
    changed = z.copy()
    changed[:10], changed[100:110] = z[100:110], z[:10]  # ten studies change cones
    pair = projection.warm_started_umaps(z, changed)
    moved = np.zeros(200, bool)
    moved[:10] = moved[100:110] = True
    assert np.median(pair.agreement.moves[moved]) > 4 * np.median(pair.agreement.moves[~moved])
    assert pair.agreement.moved == projection.map_agreement(pair.a.xy, pair.b.xy).moved


@pytest.mark.seconds  # UMAP is compiled
def test_new_points_land_in_their_cluster_and_known_ones_on_themselves() -> None:
    z = two_cones(80)
    known = np.r_[0:60, 80:140]
    xy = projection.umap(z[known]).xy
    placed = projection.place(z, z[known], xy)
    np.testing.assert_allclose(placed.xy[known], xy, atol=1e-3)
    centres = xy[:60].mean(0), xy[60:].mean(0)
    nearer = np.linalg.norm(placed.xy - centres[0], axis=1) < np.linalg.norm(placed.xy - centres[1], axis=1)
    assert nearer[:80].all()
    assert not nearer[80:].any()
    assert placed.spread.max() < np.linalg.norm(centres[0] - centres[1]) / 2


def test_a_point_of_no_cluster_is_outside_and_one_between_both_spreads() -> None:
    z = two_cones(80)
    xy = projection.pca(z).xy
    between = unit_rows((z[:80].mean(0) + z[80:].mean(0))[None])
    away = unit_rows(-z.mean(0, keepdims=True))
    placed = projection.place(np.concatenate([away, between, z[:1]]), z, xy)
    assert placed.outside[0]
    assert not placed.outside[2]
    assert placed.spread[1] > 10 * placed.spread[2]


@pytest.mark.parametrize("k", [1, 2, 500])
def test_placing_with_few_neighbours_and_more_than_there_are(k: int) -> None:
    z = two_cones(20)
    placed = projection.place(z[:5], z, projection.pca(z).xy, k=k)
    np.testing.assert_allclose(placed.xy, projection.pca(z).xy[:5], atol=1e-3)


def test_equal_known_points_share_a_new_one() -> None:
    same = np.tile(unit_rows(np.ones((1, 6))), (4, 1))
    placed = projection.place(same[:1], same, np.array([[0.0, 0], [0, 2], [2, 0], [2, 2]]))
    np.testing.assert_allclose(placed.xy, [[1, 1]], atol=1e-6)
    assert not placed.outside.any()


@pytest.mark.seconds  # UMAP is compiled
def test_placing_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"at least 2 known rows and \(n, 2\) positions, got 1 and \(1, 2\)"):
        projection.place(np.eye(3), np.eye(3)[:1], np.zeros((1, 2)))
    with pytest.raises(ValueError, match="equal dims, got 4 and 3"):
        projection.place(np.eye(4), np.eye(3), np.zeros((3, 2)))


def test_too_few_rows_for_umap() -> None:
    with pytest.raises(ValueError, match="at least 10 rows, got 4"):
        projection.umap(np.eye(4))


def test_nearest_agrees_with_sorting_and_cuts_k() -> None:
    z = two_cones(20)
    cosines, rows = nearest(z[:3], z, k=100)
    assert rows.shape == (3, 40)
    np.testing.assert_allclose(cosines, -np.sort(-(z[:3] @ z.T), axis=1), atol=1e-6)


def test_partner_ranks_agree_one_by_one() -> None:
    x, y = two_cones(20, seed=1), two_cones(20, seed=2)
    ranks = partner_ranks(x, y)
    assert ranks.tolist() == [partner_rank(x[i : i + 1], y, i) for i in range(40)]
    assert partner_ranks(x, x).max() == 1
