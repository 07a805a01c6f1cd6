"""Row stacks: rows of several matrices read in blocks give the same results as one matrix."""

from __future__ import annotations

import numpy as np
import pytest

from suture.analysis import projection
from suture.analysis.gap import cosine_samples
from suture.analysis.math.arrays import pair_cosines, unit_rows
from suture.analysis.math.row_stack import RowStack
from suture.analysis.projection.sampled_umap import sampled_rows
from suture.analysis.retrieval.nearest import TopK, nearest


def two(n: int = 400, dim: int = 12) -> tuple[RowStack, np.ndarray]:
    """Two matrices, rows of one left out; and the same as one matrix."""
    rng = np.random.default_rng(0)
    parts = [unit_rows(rng.normal(size=(n, dim)) + way).astype(np.float16) for way in (1, -1)]
    where = [np.arange(n), np.setdiff1d(np.arange(n), [3, 4, n - 1])]
    whole = np.concatenate([part[rows] for part, rows in zip(parts, where, strict=True)])
    return RowStack(parts, where), whole.astype(np.float32)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_are_all_rows_in_order(size: int) -> None:
    stack, whole = two()
    assert stack.shape == whole.shape
    found = np.full_like(whole, np.nan)
    for where, block in stack.blocks(size):
        assert block.dtype == np.float32
        found[where] = block
    np.testing.assert_array_equal(found, whole)


def test_rows_are_taken_in_the_order_asked_for() -> None:
    stack, whole = two()
    rows = np.array([[700, 2], [399, 400]])
    np.testing.assert_array_equal(stack.take(rows), whole[rows])


def test_the_best_of_blocks_are_the_best_of_all() -> None:
    scores = np.random.default_rng(0).integers(50, size=(20, 90)).astype(np.float32)
    best = TopK(20, 5)
    for start in range(0, 90, 8):
        best.add(scores[:, start : start + 8], start)
    np.testing.assert_array_equal(best.scores, -np.sort(-scores, axis=1)[:, :5])
    np.testing.assert_array_equal(np.take_along_axis(scores, best.rows, axis=1), best.scores)
    assert all(len(set(row)) == 5 for row in best.rows.tolist())


def test_map_and_trust_are_those_of_one_matrix() -> None:
    stack, whole = two()
    found, plain = projection.pca(stack), projection.pca(whole)
    np.testing.assert_allclose(found.xy, plain.xy, atol=1e-5)
    some = np.arange(0, 600, 3)
    ours = projection.trust(stack, plain.xy, among=some)
    theirs = projection.trust(whole, plain.xy)
    assert ours.measured == len(some)
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(ours.per_point_trust)), some)
    np.testing.assert_allclose(ours.per_point_trust[some], theirs.per_point_trust[some], atol=1e-9)
    np.testing.assert_allclose(ours.per_point_continuity[some], theirs.per_point_continuity[some], atol=1e-9)


@pytest.mark.seconds  # UMAP is compiled
def test_a_sample_is_laid_out_and_the_others_stand_with_their_own_kind() -> None:
    rng = np.random.default_rng(0)
    kinds = np.arange(900) % 3
    z = unit_rows(rng.normal(size=(3, 16))[kinds] + 0.1 * rng.normal(size=(900, 16))).astype(np.float32)
    found = projection.sampled_umap(z, sample=300)
    np.testing.assert_array_equal(found.laid_out, sampled_rows(900, sample=300))
    laid = projection.umap(z[found.laid_out])
    np.testing.assert_array_equal(found.xy[found.laid_out], laid.xy)
    centres = np.stack([laid.xy[kinds[found.laid_out] == k].mean(axis=0) for k in range(3)])
    nearest_centre = np.linalg.norm(found.xy[:, None] - centres, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest_centre, kinds)
    assert 0.95 < found.recall <= 1
    np.testing.assert_array_equal(projection.sampled_umap(z, sample=300).xy, found.xy)


def test_pairs_and_samples_read_only_what_counts() -> None:
    rng = np.random.default_rng(0)
    x, y = (unit_rows(rng.normal(size=(50, 6))) for _ in range(2))
    rows = np.array([0, 5, 6, 30])
    found = pair_cosines(3 * x, y, rows)
    np.testing.assert_allclose(found[rows], np.einsum("nd,nd->n", x, y)[rows])
    assert np.isnan(np.delete(found, rows)).all()
    some, same = cosine_samples(x, y, rows=rows), cosine_samples(x[rows], y[rows])
    np.testing.assert_allclose(some.random_pairs, same.random_pairs)
    np.testing.assert_allclose(some.true_pairs, same.true_pairs)


def test_neighbours_on_disk_are_those_in_memory() -> None:
    stack, whole = two()
    best, queries = TopK(5, 3), whole[:5]
    for where, block in stack.blocks(64):
        best.add(queries @ block.T, where.start)
    np.testing.assert_array_equal(best.rows, nearest(queries, whole, k=3)[1])
