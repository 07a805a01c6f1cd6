"""Queries with a hit in one set and not in the other, and the change of recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval import Ranks
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap
from suture.analysis.statistics.hypothesis_tests import mcnemar


@dataclass(frozen=True)
class RankChanges:
    """The same queries in A and in B, one direction and protocol.

    won, lost    rows of the queries with a hit only in B, only in A
    kept, missed rows with a hit in both, in neither
    undecided    queries whose hit depends on the order of ties, in A or in B: an expected hit of at least
                 0.5 counts as a hit
    p            exact McNemar test over groups (patients): groups with more wins against groups with more
                 losses
    rank_change  (n_queries,) expected rank in B minus that in A; below 0 = ranked higher in B
    difference   recall in B minus recall in A, by expected hits, with its interval over groups
    """

    k: int
    won: np.ndarray
    lost: np.ndarray
    kept: np.ndarray
    missed: np.ndarray
    undecided: int
    p: float
    rank_change: np.ndarray
    difference: Estimate


def rank_changes(a: Ranks, b: Ranks, *, k: int = 10, bootstrap: GroupBootstrap | None = None) -> RankChanges:
    """Compare the ranks of two sets, query by query.

    bootstrap  over the groups of the queries; default: one query per group
    ValueError unless both have the same number of queries.
    """
    hit_a, hit_b = a.hit(k), b.hit(k)
    if len(hit_a) != len(hit_b):
        raise ValueError(f"Expected the same queries in A and B, got {len(hit_a)} and {len(hit_b)}.")
    change = hit_b - hit_a
    bootstrap = bootstrap or GroupBootstrap(np.arange(len(change)))
    in_a, in_b = hit_a >= 0.5, hit_b >= 0.5
    kinds = (in_b & ~in_a, in_a & ~in_b, in_a & in_b, ~in_a & ~in_b)
    won, lost, kept, missed = map(np.flatnonzero, kinds)
    open_to_ties = (hit_a > 0) & (hit_a < 1) | (hit_b > 0) & (hit_b < 1)
    (difference,) = bootstrap.from_influence(
        np.array([change.mean()]), change - change.mean(), bounds=(-1, 1)
    )
    return RankChanges(
        k,
        won,
        lost,
        kept,
        missed,
        int(open_to_ties.sum()),
        _by_group(in_b.astype(int) - in_a, bootstrap.codes),
        b.expected_rank() - a.expected_rank(),
        difference,
    )


def _by_group(change: np.ndarray, codes: np.ndarray) -> float:
    """Studies of one group are dependent, so each group counts once, by the sign of its net change."""
    net = np.bincount(codes, weights=change)
    return mcnemar(int((net < 0).sum()), int((net > 0).sum()))
