"""The three retrieval protocols: which answers count as right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from suture.analysis.math.group_sums import label_codes

Protocol = Literal["strict", "multi_positive", "deduplicated"]
PROTOCOLS: tuple[Protocol, ...] = ("strict", "multi_positive", "deduplicated")
RepeatedSide = Literal["queries", "gallery"]


@dataclass(frozen=True)
class RightAnswers:
    """The right answers in one direction: one key per study, (n_studies,) each.

    related    equal keys are right answers of each other under "multi_positive" (same text or group)
    same_text  equal keys are one item under "deduplicated"
    repeats    the side with repeated items: "deduplicated" keeps the first of each key there
    """

    related: np.ndarray
    same_text: np.ndarray
    repeats: RepeatedSide = "gallery"

    def reversed(self) -> RightAnswers:
        """The right answers for the other direction."""
        return RightAnswers(
            self.related, self.same_text, "queries" if self.repeats == "gallery" else "gallery"
        )


@dataclass(frozen=True)
class RetrievalTask:
    """Query rows, gallery rows, and a key for each; gallery rows with the key of a query are right."""

    query_rows: np.ndarray
    gallery_rows: np.ndarray
    query_keys: np.ndarray
    gallery_keys: np.ndarray


def retrieval_task(protocol: Protocol, answers: RightAnswers) -> RetrievalTask:
    """Queries and gallery of a protocol.

    strict: only the own partner is right. multi_positive: every item with the same key is right.
    deduplicated: each key once in the gallery (or once among the queries).
    """
    own = np.arange(len(answers.related))
    keys = {"strict": own, "multi_positive": answers.related, "deduplicated": answers.same_text}[protocol]
    query_rows = gallery_rows = own
    if protocol == "deduplicated":
        first = np.sort(np.unique(keys, return_index=True)[1])
        query_rows, gallery_rows = (first, own) if answers.repeats == "queries" else (own, first)
    return RetrievalTask(query_rows, gallery_rows, keys[query_rows], keys[gallery_rows])


def joint_keys(text_keys: np.ndarray, duplicate_groups: np.ndarray) -> np.ndarray:
    """One integer key per study: equal if the texts are equal or the duplicate group is the same.

    Both (n_studies,) of str, "" = unknown. Transitive: a~b and b~c give a~c.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(text_keys)
    links = [_links(np.asarray(values, dtype=object)) for values in (text_keys, duplicate_groups)]
    rows, columns = np.concatenate(links, axis=1)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def _links(values: np.ndarray) -> np.ndarray:
    """Each study linked to the first of its value; (2, m)."""
    codes = label_codes(values)
    _, first = np.unique(codes, return_index=True)
    rows = np.flatnonzero(values != "")
    return np.stack([rows, first[codes[rows]]])
