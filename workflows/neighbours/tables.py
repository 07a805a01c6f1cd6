"""Search results of uploaded studies as rows and as JSON; page and command line share the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from suture.analysis.retrieval import out_of_distribution
from suture.data.collection import STUDY_ID
from suture.workflows.neighbours.neighbour_search import SearchResult, ranks_in_other_set

Row = dict[str, Any]


def about(held: Mapping[str, SearchResult]) -> dict[str, Row]:
    """The set behind each letter, and the recall of its index."""
    return {
        letter: {
            "set": side.part.name,
            "split": side.split,
            "studies": len(side.part),
            "index": dict(side.answers.index),
            "recall": {_arrow(d): round(r, 4) for d, r in side.answers.recall.items()},
        }
        for letter, side in held.items()
    }


def studies(held: Mapping[str, SearchResult]) -> list[Row]:
    """One entry per uploaded study: by letter its neighbours, their shared labels, how far out it lies."""
    ids = next(iter(held.values())).ids
    entries = [{letter: _answer(side, row) for letter, side in held.items()} for row in range(len(ids))]
    for entry in rows(held):
        listed = entries[entry.pop("row")][entry.pop("letter")]["neighbours"]
        direction = f"{entry.pop('from')}->{entry.pop('to')}"
        del entry["study"], entry["set"], entry["split"]
        listed.setdefault(direction, []).append({"study": entry.pop("neighbour"), **entry})
    return [{"study": study, "answers": answers} for study, answers in zip(ids, entries, strict=True)]


def _answer(side: SearchResult, row: int) -> Row:
    outside = {m: scores[row] for m, scores in side.answers.outside.items()}
    own = {_arrow(d): near.own[row] for d, near in side.answers.nearest.items()}
    return {
        "outside": {m: round(float(s), 4) for m, s in outside.items() if not np.isnan(s)},
        "own_partner_rank": {d: int(rank) for d, rank in own.items() if not np.isnan(rank)},
        "neighbours": {},
        "agreement": agreement(side, row),
    }


def agreement(side: SearchResult, row: int) -> list[Row]:
    """The labels that most neighbours share in each direction, with their frequency in the whole set."""
    labels = side.part.rows[side.part.labels]
    return [
        {
            "direction": _arrow(direction),
            "label": a.label,
            "value": a.value,
            "count": a.count,
            "known": a.known,
            "of_all": round(a.base, 4),
        }
        for direction, near in side.answers.nearest.items()
        for a in out_of_distribution.shared_labels(labels, near.rows[row][near.rows[row] >= 0])
    ]


def rows(held: Mapping[str, SearchResult]) -> list[Row]:
    """One row per neighbour: its rank and cosine, and its rank in the other set if there are two."""
    return [
        row
        for letter, side in held.items()
        for direction in side.answers.nearest
        for row in _rows(letter, side, direction, next((h for x, h in held.items() if x != letter), None))
    ]


def _rows(
    letter: str, side: SearchResult, direction: tuple[str, str], other: SearchResult | None
) -> list[Row]:
    near = side.answers.nearest[direction]
    ids = np.where(near.rows >= 0, side.part.rows[STUDY_ID].to_numpy(dtype=object)[near.rows], "")
    there = (
        ranks_in_other_set(other.part, other.vectors, direction, ids) if other else np.full(ids.shape, np.nan)
    )
    return [
        {
            "row": int(row),
            "letter": letter,
            "study": side.ids[row],
            "set": side.part.name,
            "split": side.split,
            "from": direction[0],
            "to": direction[1],
            "rank": int(place) + 1,
            "neighbour": ids[row, place],
            "cosine": round(float(near.cosines[row, place]), 6),
            "rank_elsewhere": None if np.isnan(there[row, place]) else int(there[row, place]),
        }
        for row, place in np.argwhere(near.rows >= 0)
    ]


def _arrow(direction: tuple[str, str]) -> str:
    return "->".join(direction)
