"""Retrieval scores of one direction under one protocol, from the ranks of the right answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from suture.analysis.retrieval.protocols import Protocol
from suture.analysis.retrieval.tied_ranks import Positives, Ranks
from suture.analysis.statistics.bootstrap import Estimate, GroupBootstrap

KS = (1, 5, 10)
MIN_REPORTED_SPREAD = 0.001  # minimum effect of tie order that is noted
GRADED_SCORES = ("map", "ndcg_at_10", "r_precision")


@dataclass(frozen=True)
class Retrieval:
    """Scores of one direction under one protocol. Ties by expectation over their orders.

    recall         k -> share of queries with a right answer among the first k; higher = better
    median_rank    median expected rank of the first right answer; 1 = best
    tie_spread     largest possible effect of tie order on a recall, over k
    mean_rank      mean expected rank of the first right answer; 1 = best
    mrr            mean of 1 / rank of the first right answer, 0..1; higher = better
    map, ndcg_at_10, r_precision  of all right answers, 0..1, higher = better; only for "multi_positive",
                   undefined if every query has a single right answer
    ranks, query_rows   (n_queries,) ranks of the best right answers, and the row of each query
    of             how many queries there are, where a sample of them was query_rows; else n_queries
    """

    protocol: Protocol
    recall: dict[int, Estimate]
    median_rank: Estimate
    n_queries: int
    n_gallery: int
    tie_spread: float
    mean_rank: Estimate
    mrr: Estimate
    ranks: Ranks = field(repr=False, compare=False)
    query_rows: np.ndarray = field(repr=False, compare=False)
    map: Estimate | None = None
    ndcg_at_10: Estimate | None = None
    r_precision: Estimate | None = None
    of: int = 0


def scores(
    protocol: Protocol, ranks: Ranks, *, query_rows: np.ndarray, n_gallery: int, bootstrap: GroupBootstrap
) -> Retrieval:
    """Scores with intervals over the groups of the queries; the gallery is fixed."""
    expected = ranks.expected_rank()
    columns = {f"recall_at_{k}": ranks.hit(k) for k in KS}
    columns |= {"mean_rank": expected, "mrr": ranks.expected_reciprocal()}
    estimates = mean_scores(columns, bootstrap=bootstrap)
    spread = {k: _spread(ranks, k) for k in KS}
    return Retrieval(
        protocol,
        {k: _with_spread(estimates[f"recall_at_{k}"], spread[k]) for k in KS},
        _median(expected, bootstrap),
        len(expected),
        n_gallery,
        max(spread.values()),
        estimates["mean_rank"],
        estimates["mrr"],
        ranks,
        query_rows,
        of=len(expected),
    )


def with_graded_scores(
    record: Retrieval, positives: Positives | None, *, bootstrap: GroupBootstrap
) -> Retrieval:
    """The record with the scores over all right answers, or the reason why they are undefined."""
    if positives is not None and (positives.total > 1).any():
        columns = (positives.average_precision(), positives.ndcg(10), positives.r_precision())
        estimates = mean_scores(dict(zip(GRADED_SCORES, columns, strict=True)), bootstrap=bootstrap)
    else:
        reason = (
            "Too many right answers to rank them all."
            if positives is None
            else "Every query has a single right answer: see MRR."
        )
        estimates = dict.fromkeys(GRADED_SCORES, bootstrap.undefined(reason))
    return replace(
        record, map=estimates["map"], ndcg_at_10=estimates["ndcg_at_10"], r_precision=estimates["r_precision"]
    )


def mean_scores(columns: Mapping[str, np.ndarray], *, bootstrap: GroupBootstrap) -> dict[str, Estimate]:
    """Mean over queries of each column (n_queries,), with its interval.

    If all values are 0 or all are 1, all resamples are equal: then the Wilson interval with groups as trials
    is used.
    """
    values = np.stack(list(columns.values()), axis=1)
    mean = values.mean(axis=0)
    estimates = dict(zip(columns, bootstrap.from_influence(mean, values - mean), strict=True))
    alike = (values == 0).all(axis=0) | (values == 1).all(axis=0)
    for name, same in zip(columns, alike, strict=True):
        if name != "mean_rank":  # all others are within 0..1
            estimates[name] = _wilson(estimates[name]) if same else estimates[name].clipped(0, 1)
    return estimates


def _wilson(estimate: Estimate) -> Estimate:
    from suture.analysis.statistics.hypothesis_tests import wilson

    if not len(estimate.replicates):
        return estimate  # too few groups for an interval
    low, high = wilson(estimate.value * estimate.n_groups, estimate.n_groups)
    return replace(estimate, low=low, high=high, note="; all queries equal: Wilson interval over groups")


def _median(values: np.ndarray, bootstrap: GroupBootstrap) -> Estimate:
    """Median with a percentile interval, not centred, since the median changes in steps."""
    from suture.analysis.retrieval.kernels import medians

    order = np.argsort(values, kind="stable")
    sampled = medians(bootstrap.counts, bootstrap.codes[order], values[order])
    return bootstrap.summarise(np.array([np.median(values)]), sampled[:, None], centred=False)[0]


def _spread(ranks: Ranks, k: int) -> float:
    return float(np.mean((ranks.best() <= k) * 1.0 - (ranks.worst() <= k)))


def _with_spread(estimate: Estimate, spread: float) -> Estimate:
    if spread <= MIN_REPORTED_SPREAD:
        return estimate
    return replace(estimate, note=estimate.note + f"; tie order can change it by {spread:.3f}")
