"""Cross-modal retrieval: does an image find its own report among all, and the report its image?

Three protocols answer three questions; ties are settled by the exact expected hit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import gammaln

from analysis.arrays import paired
from analysis.uncertainty import Estimate, GroupBootstrap

Protocol = Literal["strict", "multi_positive", "deduplicated"]
PROTOCOLS: tuple[Protocol, ...] = ("strict", "multi_positive", "deduplicated")
KS = (1, 5, 10)
BLOCK = 512  # queries scored at once
DOUBLE_PRECISION_SCORES = 25_000_000  # above this many scores, float32


@dataclass(frozen=True)
class Ranks:
    """Where the best right answer of each query stands, (n_queries,) each.

    above  items scored strictly higher; tied  items with the same score, itself included;
    tied_right  how many of the tied are right answers
    """

    above: np.ndarray
    tied: np.ndarray
    tied_right: np.ndarray

    def expected_rank(self) -> np.ndarray:
        """Mean rank of the first right answer when ties fall in random order."""
        return self.above + (self.tied + 1) / (self.tied_right + 1)

    def hit(self, k: int) -> np.ndarray:
        """Probability that a right answer is among the first k: 1 - C(e-r, s) / C(e, s)."""
        slots = np.clip(k - self.above, 0, self.tied)
        wrong = self.tied - self.tied_right
        possible = slots <= wrong  # otherwise some slot must hold a right answer
        s = np.where(possible, slots, 0)
        log_miss = _log_choose(wrong, s) - _log_choose(self.tied, s)
        return np.where(possible, 1 - np.exp(log_miss), 1.0)


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


@dataclass(frozen=True)
class Retrieval:
    """Scores of one direction under one protocol.

    recall         k -> share of queries with a right answer among the first k; higher = better
    median_rank    median expected rank of the first right answer; 1 = best
    tie_spread     largest difference, over k, that the order of ties could make to a recall
    """

    protocol: Protocol
    recall: dict[int, Estimate]
    median_rank: Estimate
    n_queries: int
    n_gallery: int
    tie_spread: float


def retrieval(
    queries: np.ndarray,
    gallery: np.ndarray,
    *,
    protocol: Protocol = "strict",
    keys: np.ndarray | None = None,
    keyed: Literal["queries", "gallery"] = "gallery",
    groups: np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Retrieval:
    """Rank all gallery items by cosine for every query; row i of both is the same study.

    queries, gallery  (n_studies, dim)
    keys      (n_studies,) equal keys = right answers of each other (same text or duplicate group)
    keyed     which side holds the texts that repeat: that side is reduced by "deduplicated"
    groups    (n_studies,) resampling unit; the gallery stays fixed, queries are resampled

    strict: only the own partner is right. multi_positive: every item of the same key is right.
    deduplicated: each key once in the gallery (or once among the queries).
    """
    x, y = paired(queries, gallery)
    keys = np.arange(len(x)) if keys is None or protocol == "strict" else np.asarray(keys)
    groups = np.arange(len(x)) if groups is None else np.asarray(groups)
    asked = offered = np.arange(len(x))
    if protocol == "deduplicated":
        first = np.sort(np.unique(keys, return_index=True)[1])
        asked, offered = (first, offered) if keyed == "queries" else (asked, first)
    ranks = rank_best(x[asked], y[offered], keys[asked], keys[offered])
    bootstrap = GroupBootstrap(groups[asked], resamples=resamples, seed=seed)
    return _scores(ranks, protocol, bootstrap, len(offered))


def _scores(ranks: Ranks, protocol: Protocol, bootstrap: GroupBootstrap, size: int) -> Retrieval:
    hits = np.stack([ranks.hit(k) for k in KS], axis=1)
    recalls = bootstrap.estimates(lambda w: w @ hits / w.sum(1, keepdims=True), bounds=(0, 1))
    ordered = ranks.expected_rank()
    order = np.argsort(ordered, kind="stable")
    median = bootstrap.estimates(
        lambda w: _weighted_median(ordered[order], w[:, order])[:, None], centred=False
    )[0]
    worst = ranks.above + ranks.tied - ranks.tied_right
    spread = max(float(np.mean((ranks.above < k) * 1.0 - (worst < k))) for k in KS)
    recall = dict(zip(KS, recalls, strict=True))
    return Retrieval(protocol, recall, median, len(ordered), size, spread)


def _weighted_median(ordered: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of lower and upper weighted median of ascending values, one per row of weights."""
    share = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    low = (share >= 0.5 - 1e-12).argmax(axis=1)
    high = (share > 0.5 + 1e-12).argmax(axis=1)
    return (ordered[low] + ordered[high]) / 2


def rank_best(
    queries: np.ndarray, gallery: np.ndarray, query_keys: np.ndarray, gallery_keys: np.ndarray
) -> Ranks:
    """Rank of the best item that shares the query's key, for unit rows; exact about ties.

    Equal gallery rows are scored once, so that the same text can never differ by rounding.
    """
    distinct, which = np.unique(gallery, axis=0, return_inverse=True)
    _, codes = np.unique(np.concatenate([query_keys, gallery_keys]), return_inverse=True)
    wanted, offered = codes[: len(queries)], codes[len(queries) :]
    if len(queries) * len(gallery) > DOUBLE_PRECISION_SCORES:
        queries, distinct = queries.astype(np.float32), distinct.astype(np.float32)
    parts = []
    for start in range(0, len(queries), BLOCK):
        scores = (queries[start : start + BLOCK] @ distinct.T)[:, which.ravel()]
        right = wanted[start : start + BLOCK, None] == offered[None]
        best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
        tied = scores == best
        parts.append([(scores > best).sum(1), tied.sum(1), (tied & right).sum(1)])
    above, tied_count, tied_right = np.concatenate(parts, axis=1)
    return Ranks(above, tied_count, tied_right)


def joint_keys(text_keys: np.ndarray, duplicate_groups: np.ndarray) -> np.ndarray:
    """One integer key a study: equal when texts are equal or the duplicate group is the same.

    Both (n_studies,) of str, "" = says nothing. Chains are followed (a~b, b~c gives a~c).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(text_keys)
    links = [_links(np.asarray(values, dtype=str), n) for values in (text_keys, duplicate_groups)]
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def _links(values: np.ndarray, n: int) -> np.ndarray:
    """Each study linked to the first of its value; (2, m)."""
    _, first, which = np.unique(values, return_index=True, return_inverse=True)
    rows = np.flatnonzero(values != "")
    return np.stack([rows, first[which.ravel()[rows]]])
