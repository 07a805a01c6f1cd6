"""The joint neighbourhood graph: the exact nearest rows of every row, all modalities in one pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from suture.analysis.math.arrays import Matrix, UnitRows, stacked_rows, stored_rows
from suture.analysis.statistics.bootstrap import (
    Estimate,
    GroupBootstrap,
    seeded_sample,
    subset_bootstrap,
    with_sample_note,
)

NEIGHBOURS = 90  # used by LISI
MAX_EXACT_ROWS = 8192  # pooled rows; above, a sample of studies is used as queries
SAMPLED_ROWS = 2048  # query rows, if sampled
ROWS_AT_A_TIME = 64  # rows whose neighbours are in memory at once
SPARE_CANDIDATES = 8  # candidates beyond k, since cosines are rounded more coarsely than distances


@dataclass(frozen=True)
class JointGraph:
    """The k nearest of n pooled rows, the row itself excluded, for each of q query rows.

    Rows are pooled modality by modality. Queries are all rows, or those of a seeded sample of studies.

    queries        (q,) pooled row of each query
    rows           (q, k) nearest pooled rows, nearest first, equal rows by row order
    distances      (q, k) Euclidean distances of unit rows, sqrt(2 - 2 cos)
    modality       (n,) int, of each pooled row
    study          (n,) int, of each pooled row: rows of one study in other modalities are partners
    query_studies  (s,) studies used as queries, ascending; all n_studies if not sampled
    """

    queries: np.ndarray
    rows: np.ndarray
    distances: np.ndarray
    modality: np.ndarray
    study: np.ndarray
    query_studies: np.ndarray
    n_studies: int
    n_modalities: int

    @property
    def k(self) -> int:
        """Number of neighbours of each row."""
        return self.rows.shape[1]

    @cached_property
    def other(self) -> np.ndarray:
        """(q, k) bool: the neighbour is of another modality."""
        return self.modality[self.rows] != self.modality[self.queries, None]

    @cached_property
    def partner(self) -> np.ndarray:
        """(q, k) bool: the neighbour is the same study in another modality."""
        return self.other & (self.study[self.rows] == self.study[self.queries, None])

    @property
    def sizes(self) -> np.ndarray:
        """(kinds,) rows of each modality."""
        return np.bincount(self.modality, minlength=self.n_modalities)

    def why_undefined(self, k: int) -> str:
        """Why a metric of k neighbours is undefined; "" if it is defined."""
        if (self.sizes == 0).any():
            return "a modality has no rows"
        return "" if k <= self.k else f"needs {k} other rows, all modalities together; there are {self.k}"

    def query_bootstrap(self, bootstrap: GroupBootstrap | None) -> GroupBootstrap:
        """The bootstrap of all studies, restricted to the queries. ValueError for another n."""
        bootstrap = bootstrap or GroupBootstrap(np.arange(self.n_studies))
        return subset_bootstrap(bootstrap, self.query_studies, self.n_studies)

    def with_sample_note(self, estimate: Estimate) -> Estimate:
        """The estimate with a note on the sample of queries."""
        return with_sample_note(estimate, len(self.query_studies), self.n_studies)


def joint_neighbours(
    vectors: Sequence[Matrix],
    *,
    studies: Sequence[np.ndarray] | None = None,
    k: int = NEIGHBOURS,
    limit: int = MAX_EXACT_ROWS,
    queries: int = SAMPLED_ROWS,
    seed: int = 0,
) -> JointGraph:
    """Find the k nearest of all rows for each row, or for a sample of rows in large sets.

    vectors  (n_m, dim), one array per modality; rows are scaled to length 1
    studies  (n_m,) int from 0, one array per modality; default: row i of each is study i
    k        at most the number of other rows
    limit    up to this many pooled rows, all are queries; above, those of a seeded sample of studies, about
             `queries` rows, against all rows

    Exact even in a narrow cone: candidates by cosine, in float64 where float32 does not decide, then sorted
    by float64 distance. Memory O(rows).
    ValueError for fewer than two modalities, unequal sizes without `studies`, rows without direction.
    """
    pooled, modality, study = _pool(vectors, studies)
    n, n_studies = len(pooled), int(study.max(initial=-1)) + 1
    query_studies = np.arange(n_studies)
    if n > limit:
        query_studies = seeded_sample(n_studies, max(1, round(queries * n_studies / n)), seed)
    query_rows = np.flatnonzero(np.isin(study, query_studies))
    rows, distances = _neighbours(pooled, query_rows, min(k, max(n - 1, 0)))
    return JointGraph(query_rows, rows, distances, modality, study, query_studies, n_studies, len(vectors))


def _pool(
    vectors: Sequence[Matrix], studies: Sequence[np.ndarray] | None
) -> tuple[Matrix, np.ndarray, np.ndarray]:
    """All rows with their modality and study."""
    sizes = [len(v) for v in vectors]
    if len(sizes) < 2:
        raise ValueError(f"Expected at least 2 modalities, got {len(sizes)}.")
    if studies is None:
        if len(set(sizes)) > 1:
            raise ValueError(f"Modalities of {sizes} rows need `studies`: which study each row is of.")
        studies = [np.arange(size) for size in sizes]
    if [len(s) for s in studies] != sizes:
        raise ValueError(f"Expected the study of each row, {sizes}, got {[len(s) for s in studies]}.")
    units = [z for z in vectors if isinstance(z, UnitRows)]
    pooled = stacked_rows(units) if len(units) == len(vectors) else np.concatenate(vectors)
    return pooled, np.repeat(np.arange(len(sizes)), sizes), np.concatenate(studies)


def _neighbours(z: Matrix, query_rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, distances) of the k nearest of z for the query rows."""
    from suture.analysis.mixing.kernels import distances_to
    from suture.analysis.retrieval.distinct_rows import distinct_rows, slices
    from suture.analysis.retrieval.engine import search

    items = distinct_rows(z)
    if k == 0:
        return np.empty((len(query_rows), 0), int), np.empty((len(query_rows), 0))
    queries = items if len(query_rows) == len(z) else distinct_rows(stored_rows(z, query_rows))
    neighbours = search(queries, items, forward=[], k=k + 1 + SPARE_CANDIDATES)[0].nearest
    itself = neighbours == query_rows[:, None]
    itself[~itself.any(axis=1), -1] = True  # if earlier copies of the row fill the list
    neighbours = neighbours[~itself].reshape(len(query_rows), -1)
    own, near = items.which[query_rows], items.which[neighbours]
    parts = [
        distances_to(
            items.take(own[p]), items.scale[own[p]], items.take(near[p].ravel()), items.scale[near[p]]
        )
        for p in slices(len(own), ROWS_AT_A_TIME)
    ]
    distances = np.concatenate(parts)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(neighbours, order, axis=1), np.take_along_axis(distances, order, axis=1)
