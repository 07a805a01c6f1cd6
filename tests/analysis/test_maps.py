"""Maps and neighbours: planted structure is found, the same data give the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from analysis import projection
from analysis.arrays import unit_rows
from analysis.neighbours import nearest, partner_rank, partner_ranks


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


def test_umap_separates_cones_and_is_repeatable() -> None:
    z = two_cones().astype(np.float32)
    first, again = projection.umap(z).xy, projection.umap(z).xy
    np.testing.assert_array_equal(first, again)
    apart = np.linalg.norm(first[:60].mean(0) - first[60:].mean(0))
    assert apart > first[:60].std(0).max() * 2


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
    np.testing.assert_allclose(projection.onto(turned, xy), xy, atol=1e-9)


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
