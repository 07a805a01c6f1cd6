"""Retrieval in both directions, all protocols and hubness, from one pass over the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from suture.analysis.math.arrays import Matrix, check_pairs, stored_rows
from suture.analysis.retrieval.distinct_rows import distinct_rows
from suture.analysis.retrieval.engine import SearchResult, search
from suture.analysis.retrieval.hubness import Hubness, hubness
from suture.analysis.retrieval.protocols import (
    PROTOCOLS,
    Protocol,
    RetrievalTask,
    RightAnswers,
    retrieval_task,
)
from suture.analysis.retrieval.scores import Retrieval, scores, with_graded_scores
from suture.analysis.retrieval.tied_ranks import Ranks
from suture.analysis.statistics.bootstrap import GroupBootstrap, subset_bootstrap

GRADED_PROTOCOLS = (PROTOCOLS.index("multi_positive"),)  # protocols for which all right answers are ranked


@dataclass(frozen=True)
class Direction:
    """Retrieval with queries of one modality and a gallery of the other.

    retrieval  one record per protocol, in the order of PROTOCOLS
    hubness    of the gallery
    nearest    (n_asking, k) gallery rows of highest cosine for every query, best first;
               equal items in the order of the gallery
    which      (n_studies,) equal where rows of the gallery are equal
    query_rows     (n_asking,) query studies, ascending: all, or a sample
    """

    retrieval: tuple[Retrieval, ...]
    hubness: Hubness
    nearest: np.ndarray = field(repr=False, compare=False)
    which: np.ndarray = field(repr=False, compare=False)
    query_rows: np.ndarray = field(repr=False, compare=False)

    def of(self, protocol: Protocol) -> Retrieval:
        """The record of one protocol."""
        return self.retrieval[PROTOCOLS.index(protocol)]


@dataclass(frozen=True)
class BothDirections:
    """forward: queries x, gallery y; backward: queries y, gallery x."""

    forward: Direction
    backward: Direction


def both_directions(
    x: Matrix,
    y: Matrix,
    *,
    answers: RightAnswers | None = None,
    backward_answers: RightAnswers | None = None,
    groups: np.ndarray | None = None,
    bootstrap: GroupBootstrap | None = None,
    k: int = 10,
    query_rows: np.ndarray | None = None,
) -> BothDirections:
    """Rank by cosine in both directions under all protocols. Row i of x (n_studies, dim) pairs with row i of
    y.

    answers           right answers for queries x; default: only the own partner
    backward_answers  right answers for queries y; default: `answers` reversed
    groups            (n_studies,) resampling unit; queries are resampled, the gallery stays fixed
    bootstrap         over those groups, if it exists already
    k                 number of nearest items per query, for hubness
    query_rows            query studies, ascending, against the full gallery: a sample if all pairs are too
                      many. Intervals are over them; hubness is counted among them only

    Scores are exact in float64 at the speed of float32; memory is linear in n_studies.
    ValueError unless the shapes agree, there are two pairs, and every row has a direction.
    """
    check_pairs(x, y)
    own = np.arange(len(x))
    answers = answers or RightAnswers(own, own)
    groups = own if groups is None else np.asarray(groups)
    bootstrap = bootstrap or GroupBootstrap(groups)
    sides = [
        [retrieval_task(p, a) for p in PROTOCOLS] for a in (answers, backward_answers or answers.reversed())
    ]
    if query_rows is not None:
        ways = zip(((x, y), (y, x)), sides, strict=True)
        return BothDirections(*(_sampled(*w, tasks, query_rows, groups, bootstrap, k) for w, tasks in ways))
    queries, gallery = distinct_rows(x), distinct_rows(y)
    results = search(queries, gallery, forward=sides[0], backward=sides[1], k=k, every=GRADED_PROTOCOLS)
    which = (gallery.which, queries.which)
    ways_found = []
    for one, tasks, items in zip(results, sides, which, strict=True):
        hubs = hubness(one.nearest, len(own), k=k, bootstrap=bootstrap)
        records = _records(one, tasks, groups, bootstrap)
        ways_found.append(Direction(records, hubs, one.nearest, items, own))
    return BothDirections(*ways_found)


def _sampled(
    x: Matrix,
    y: Matrix,
    tasks: Sequence[RetrievalTask],
    query_rows: np.ndarray,
    groups: np.ndarray,
    bootstrap: GroupBootstrap,
    k: int,
) -> Direction:
    """One direction with a sample of queries."""
    queries, gallery = distinct_rows(stored_rows(x, query_rows)), distinct_rows(y)
    places = np.full(len(x), -1)
    places[query_rows] = np.arange(len(query_rows))
    kept = [_asked_by(one, places) for one in tasks]
    (result,) = search(queries, gallery, forward=kept, k=k, every=GRADED_PROTOCOLS)
    some = [replace(one, query_rows=query_rows[one.query_rows]) for one in kept]
    among = subset_bootstrap(bootstrap, query_rows, len(x))
    near = search(queries, distinct_rows(stored_rows(y, query_rows)), forward=[], k=k)[0].nearest
    hubs = hubness(near, len(query_rows), k=k, bootstrap=among)
    records = _records(result, some, groups, bootstrap)
    records = tuple(replace(r, of=len(one.query_rows)) for r, one in zip(records, tasks, strict=True))
    return Direction(records, hubs, result.nearest, gallery.which, query_rows)


def _asked_by(one: RetrievalTask, places: np.ndarray) -> RetrievalTask:
    """The task restricted to queries with a place (n_studies,) in the sample, -1 = not in it."""
    own = places[one.query_rows] >= 0
    return RetrievalTask(places[one.query_rows[own]], one.gallery_rows, one.query_keys[own], one.gallery_keys)


def _records(
    result: SearchResult, tasks: Sequence[RetrievalTask], groups: np.ndarray, bootstrap: GroupBootstrap
) -> tuple[Retrieval, ...]:
    records: list[Retrieval] = []
    for protocol, one, ranks, positives in zip(PROTOCOLS, tasks, result.ranks, result.positives, strict=True):
        over = bootstrap_of(one.query_rows, groups, bootstrap)
        twin = next((r for r in records if _is_same_task(r, one, ranks)), None)
        record = twin or scores(
            protocol, ranks, query_rows=one.query_rows, n_gallery=len(one.gallery_rows), bootstrap=over
        )
        record = replace(record, protocol=protocol)
        if protocol == "multi_positive":
            record = with_graded_scores(record, positives, bootstrap=over)
        elif record.map:  # copied from its twin
            record = replace(record, map=None, ndcg_at_10=None, r_precision=None)
        records.append(record)
    return tuple(records)


def _is_same_task(record: Retrieval, one: RetrievalTask, ranks: Ranks) -> bool:
    """Whether a record of another protocol has the same gallery and ranks, as without repeated texts."""
    return len(one.gallery_rows) == record.n_gallery and all(
        np.array_equal(a, b)
        for a, b in zip(
            (record.query_rows, *vars(record.ranks).values()),
            (one.query_rows, *vars(ranks).values()),
            strict=True,
        )
    )


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
    """One direction under one protocol: rank all gallery items by cosine for every query.

    queries, gallery  (n_studies, dim), row i of both is the same study
    keys      (n_studies,) equal keys = right answers of each other (same text or duplicate group)
    keyed     the side with repeated texts, which "deduplicated" reduces
    groups    (n_studies,) resampling unit; the gallery stays fixed, queries are resampled

    Errors as `both_directions`.
    """
    check_pairs(queries, gallery)
    keys = np.arange(len(queries)) if keys is None else np.asarray(keys)
    one = retrieval_task(protocol, RightAnswers(keys, keys, keyed))
    wide = protocol == "multi_positive"
    (result,) = search(
        distinct_rows(queries), distinct_rows(gallery), forward=[one], every=(0,) if wide else ()
    )
    groups = np.arange(len(queries)) if groups is None else np.asarray(groups)
    bootstrap = GroupBootstrap(groups[one.query_rows], resamples=resamples, seed=seed)
    record = scores(
        protocol,
        result.ranks[0],
        query_rows=one.query_rows,
        n_gallery=len(one.gallery_rows),
        bootstrap=bootstrap,
    )
    return with_graded_scores(record, result.positives[0], bootstrap=bootstrap) if wide else record


def rank_best(queries: Matrix, gallery: Matrix, query_keys: np.ndarray, gallery_keys: np.ndarray) -> Ranks:
    """Rank of the best item that shares the query's key; exact about ties.

    queries (n_queries, dim), gallery (n_gallery, dim), a key for each row of both. A query without
    a matching item ranks below all items.
    """
    one = RetrievalTask(np.arange(len(queries)), np.arange(len(gallery)), query_keys, gallery_keys)
    return search(distinct_rows(queries), distinct_rows(gallery), forward=[one])[0].ranks[0]


def bootstrap_of(query_rows: np.ndarray, groups: np.ndarray, bootstrap: GroupBootstrap) -> GroupBootstrap:
    """The bootstrap over the groups of the queries; the given one if all studies are queries."""
    if len(query_rows) == len(groups):
        return bootstrap
    return GroupBootstrap(
        groups[query_rows], resamples=bootstrap.resamples, seed=bootstrap.seed, level=bootstrap.level
    )
