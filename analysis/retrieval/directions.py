"""Both directions of a pair of modalities, all protocols and hubs, from one pass over the scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from analysis.hubness import Hubness, hubness
from analysis.retrieval.engine import Found, search
from analysis.retrieval.protocols import PROTOCOLS, Protocol, RightAnswers, Task, task
from analysis.retrieval.ranks import Ranks
from analysis.retrieval.rows import rows_of
from analysis.retrieval.scores import Retrieval, graded, scores
from analysis.uncertainty import GroupBootstrap


@dataclass(frozen=True)
class Direction:
    """One modality asks, the other is offered.

    retrieval  one record a protocol, in the order of PROTOCOLS
    hubness    who crowds into the answers
    nearest    (n_studies, k) rows of the gallery of highest cosine for every study, best first; equal
               items in the order of the gallery
    which      (n_studies,) equal where rows of the gallery are equal
    """

    retrieval: tuple[Retrieval, ...]
    hubness: Hubness
    nearest: np.ndarray = field(repr=False, compare=False)
    which: np.ndarray = field(repr=False, compare=False)

    def of(self, protocol: Protocol) -> Retrieval:
        """The record of one protocol."""
        return self.retrieval[PROTOCOLS.index(protocol)]


@dataclass(frozen=True)
class BothDirections:
    """forward: x asks and y is offered; backward: the other way round."""

    forward: Direction
    backward: Direction


def both_directions(
    x: np.ndarray,
    y: np.ndarray,
    *,
    answers: RightAnswers | None = None,
    backward_answers: RightAnswers | None = None,
    groups: np.ndarray | None = None,
    bootstrap: GroupBootstrap | None = None,
    k: int = 10,
) -> BothDirections:
    """Rank by cosine, both ways, under all protocols. Row i of x (n_studies, dim) is the study of row i of y.

    answers           who answers whom when x asks; each study only itself if not given
    backward_answers  the same when y asks; `answers` turned round if not given
    groups            (n_studies,) resampling unit; queries are resampled, the gallery stays fixed
    bootstrap         over those groups, if there is one already
    k                 how many answers count as near, for hubs

    Scores are exact in float64 at the speed of float32; memory grows with n_studies.
    ValueError unless the shapes agree, there are two pairs, and every row has a direction.
    """
    check_pairs(x, y)
    own = np.arange(len(x))
    answers = answers or RightAnswers(own, own)
    groups = own if groups is None else np.asarray(groups)
    bootstrap = bootstrap or GroupBootstrap(groups)
    sides = [[task(p, a) for p in PROTOCOLS] for a in (answers, backward_answers or answers.reversed())]
    queries, gallery = rows_of(x), rows_of(y)
    found = search(
        queries, gallery, forward=sides[0], backward=sides[1], k=k, every=(PROTOCOLS.index("multi_positive"),)
    )
    which = (gallery.which, queries.which)
    return BothDirections(
        *(
            _direction(f, tasks, w, groups, bootstrap, k)
            for f, tasks, w in zip(found, sides, which, strict=True)
        )
    )


def _direction(
    found: Found,
    tasks: Sequence[Task],
    which: np.ndarray,
    groups: np.ndarray,
    bootstrap: GroupBootstrap,
    k: int,
) -> Direction:
    records: list[Retrieval] = []
    for protocol, one, ranks, positives in zip(PROTOCOLS, tasks, found.ranks, found.positives, strict=True):
        over = bootstrap_of(one.asked, groups, bootstrap)
        twin = next((r for r in records if _same(r, one, ranks)), None)
        record = twin or scores(protocol, ranks, asked=one.asked, n_gallery=len(one.offered), bootstrap=over)
        record = replace(record, protocol=protocol)
        if protocol == "multi_positive":
            record = graded(record, positives, bootstrap=over)
        elif record.map:  # of its twin
            record = replace(record, map=None, ndcg_at_10=None, r_precision=None)
        records.append(record)
    hubs = hubness(found.nearest, len(which), k=k, bootstrap=bootstrap)
    return Direction(tuple(records), hubs, found.nearest, which)


def _same(record: Retrieval, one: Task, ranks: Ranks) -> bool:
    """Without repeated texts the protocols are one question."""
    return len(one.offered) == record.n_gallery and all(
        np.array_equal(a, b)
        for a, b in zip(
            (record.asked, *vars(record.ranks).values()), (one.asked, *vars(ranks).values()), strict=True
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
    keyed     which side holds the texts that repeat: that side is reduced by "deduplicated"
    groups    (n_studies,) resampling unit; the gallery stays fixed, queries are resampled

    Errors as `both_directions`.
    """
    check_pairs(queries, gallery)
    keys = np.arange(len(queries)) if keys is None else np.asarray(keys)
    one = task(protocol, RightAnswers(keys, keys, keyed))
    wide = protocol == "multi_positive"
    (found,) = search(rows_of(queries), rows_of(gallery), forward=[one], every=(0,) if wide else ())
    groups = np.arange(len(queries)) if groups is None else np.asarray(groups)
    bootstrap = GroupBootstrap(groups[one.asked], resamples=resamples, seed=seed)
    record = scores(
        protocol, found.ranks[0], asked=one.asked, n_gallery=len(one.offered), bootstrap=bootstrap
    )
    return graded(record, found.positives[0], bootstrap=bootstrap) if wide else record


def rank_best(
    queries: np.ndarray, gallery: np.ndarray, query_keys: np.ndarray, gallery_keys: np.ndarray
) -> Ranks:
    """Rank of the best item that shares the query's key; exact about ties.

    queries (n_queries, dim), gallery (n_gallery, dim), a key for each row of both. A query whose key no
    item has stands below all items.
    """
    one = Task(np.arange(len(queries)), np.arange(len(gallery)), query_keys, gallery_keys)
    return search(rows_of(queries), rows_of(gallery), forward=[one])[0].ranks[0]


def check_pairs(x: np.ndarray, y: np.ndarray) -> None:
    """ValueError unless the shapes agree and there are two pairs."""
    if np.shape(x) != np.shape(y):
        raise ValueError(f"Paired modalities need one shape, got {np.shape(x)} and {np.shape(y)}.")
    if len(x) < 2:
        raise ValueError(f"At least 2 pairs are needed, got {len(x)}.")


def bootstrap_of(asked: np.ndarray, groups: np.ndarray, bootstrap: GroupBootstrap) -> GroupBootstrap:
    """The bootstrap over the groups of the queries asked: the same one where all are."""
    if len(asked) == len(groups):
        return bootstrap
    return GroupBootstrap(
        groups[asked], resamples=bootstrap.resamples, seed=bootstrap.seed, level=bootstrap.level
    )
