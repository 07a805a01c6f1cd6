"""Compare two embedding sets: the table, the studies that changed, and differences by group.

The Compare page, the command line and the report all show A against B from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from suture.analysis.compare import (
    Comparison,
    Movement,
    NeighbourChanges,
    RankChanges,
    Slice,
    Verdict,
    by_group,
    compare,
    rank_changes,
    summary,
)
from suture.analysis.evaluate import Evaluation
from suture.analysis.statistics.bootstrap import GroupBootstrap
from suture.analysis.structure.agreement import SpaceAgreement, space_agreement
from suture.data.embedding_set import EmbeddingSet
from suture.data.workspace import Workspace, embedding_sets
from suture.workflows.evaluate import comparable, evaluation
from suture.workflows.paired_sets import K, Sides, text_lengths

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Compared:
    """A and B over the same studies of one split, for one pair of modalities.

    study_ids   studies that have both modalities, or a sample if there are very many; row numbers below
                index into it
    sampling    a sentence on the sample; "" if all studies are included
    groups      (n,) of str, patient or case of each study
    rank_changes  "image->report" -> queries won and lost at 10; repeated texts count as correct
    ranks       "image->report" -> expected rank of the first correct answer in A and in B, (n,) each
    cosines     cosine of true pairs in A and in B, (n,) each
    movement    modality -> change of each study beyond the common change; empty below 20 studies
    neighbours  modality, or "image->report" across -> neighbours gained and lost
    agreement   modality -> how similarly A and B order the studies
    slices      column -> paired differences of the cosine of true pairs, for each of its values
    hits        column -> the same for hits in the top 10, x -> y
    """

    a: str
    b: str
    split: str
    pair: tuple[str, str]
    study_ids: tuple[str, ...]
    groups: np.ndarray
    evaluations: tuple[Evaluation, Evaluation]
    table: Comparison
    verdict: Verdict
    rank_changes: dict[str, RankChanges]
    ranks: dict[str, tuple[np.ndarray, np.ndarray]]
    cosines: tuple[np.ndarray, np.ndarray]
    movement: dict[str, Movement]
    neighbours: dict[str, NeighbourChanges]
    agreement: dict[str, SpaceAgreement]
    slices: dict[str, tuple[Slice, ...]]
    hits: dict[str, tuple[Slice, ...]]
    sampling: str = ""

    def to_json(self) -> dict[str, Any]:
        """The verdict, every row, and the ids of studies that changed; without per-study numbers."""
        ids = np.asarray(self.study_ids)
        return {
            **self.table.to_json(),
            "pair": list(self.pair),
            "study_by_study": {"n": len(self.study_ids), "sampling": self.sampling},
            "verdict": {"headline": self.verdict.headline, "reasons": list(self.verdict.reasons)},
            "flips": {name: _rank_changes_json(f, ids) for name, f in self.rank_changes.items()},
            "movement": {name: _movement_json(m, ids) for name, m in self.movement.items()},
            "neighbours": {name: _neighbours_json(n) for name, n in self.neighbours.items()},
            "agreement": {
                m: {k: _value(e.value) for k, e in vars(result).items()}
                for m, result in self.agreement.items()
            },
            "slices": {name: [vars(s) for s in result] for name, result in self.slices.items()},
            "slices_of_hits": {name: [vars(s) for s in result] for name, result in self.hits.items()},
            "controls": {
                name: e.to_json()["controls"] for name, e in zip("ab", self.evaluations, strict=True)
            },
        }


def compared(
    workspace: Workspace,
    a: str,
    b: str,
    *,
    split: str = "",
    pair: tuple[str, str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    extended: bool = False,
    progress: Progress | None = None,
) -> Compared:
    """Compare two embedding sets over the same studies.

    pair  the two modalities of all pair metrics; default: the first two of A
    `Refused` if the sets differ in studies or modalities (the message says how), or A lacks the pair.
    """
    report = progress or (lambda share, what: None)
    wholes = [embedding_sets.load(workspace, name) for name in (a, b)]
    for whole in wholes:
        whole.require_split(split)
    split = wholes[0].find_split(split)
    first, second = (whole.split(split) for whole in wholes)
    comparable(first, second)
    evaluations = []
    for number, name in enumerate((a, b)):

        def measuring(share: float, what: str, number: int = number, name: str = name) -> None:
            report(0.4 * (number + share), f"Measuring {what} of {name}")

        evaluations.append(
            evaluation(
                workspace,
                name,
                split=split,
                resamples=resamples,
                seed=seed,
                extended=extended,
                progress=measuring,
            )
        )
    return compared_sets(
        first,
        second,
        (evaluations[0], evaluations[1]),
        pair=pair,
        columns=lambda ids: text_lengths(workspace, a, ids),
        resamples=resamples,
        seed=seed,
        progress=report,
    )


def compared_sets(
    first: EmbeddingSet,
    second: EmbeddingSet,
    evaluations: tuple[Evaluation, Evaluation],
    *,
    pair: tuple[str, str] | None = None,
    columns: Callable[[list[str]], Iterable[tuple[str, np.ndarray]]] = lambda ids: (),
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress | None = None,
) -> Compared:
    """Compare two sets in memory, given their evaluations (`suture.workflows.evaluate.measure`).

    first, second  the evaluated studies: one split of each set, or the whole sets
    pair           as in `compared`
    columns        n study ids -> (title, (n,) values) of columns to slice by, besides labels
    resamples, seed  those of the evaluations
    `Refused` as in `compared`.
    """
    report = progress or (lambda share, what: None)
    comparable(first, second)
    a, b, split = evaluations[0].set, evaluations[1].set, evaluations[0].split
    sides = Sides.of(first, second, split, pair)
    report(0.8, "Looking for studies that changed")
    bootstrap = GroupBootstrap(sides.groups, resamples=resamples, seed=seed)
    ranks = {f"{x}->{y}": sides.ranks(x, y) for x, y in (sides.pair, sides.pair[::-1])}
    flipped = {name: rank_changes(*of, k=K, bootstrap=bootstrap) for name, of in ranks.items()}
    cosines = sides.cosines()
    forward = "->".join(sides.pair)
    by = {**dict(sides.label_columns()), **dict(columns(sides.ids))}
    table = compare(*evaluations)

    def sliced(first: np.ndarray, second: np.ndarray) -> dict[str, tuple[Slice, ...]]:
        options = partial(by_group, groups=sides.groups, resamples=resamples, seed=seed)
        return {title: options(first, second, values) for title, values in by.items()}

    report(0.9, "Looking at neighbours")
    return Compared(
        a,
        b,
        split,
        sides.pair,
        tuple(sides.ids),
        sides.groups,
        evaluations,
        table,
        summary(table, sides.pair),
        flipped,
        {name: (x.expected_rank(), y.expected_rank()) for name, (x, y) in ranks.items()},
        cosines,
        sides.movement(),
        sides.neighbours(),
        {m: space_agreement(*sides.both(m), bootstrap=bootstrap) for m in sides.pair},
        sliced(*cosines),
        sliced(*(r.hit(K) for r in ranks[forward])),
        sides.describe,
    )


def _value(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rank_changes_json(f: RankChanges, ids: np.ndarray) -> dict[str, Any]:
    return {
        "k": f.k,
        "won": ids[f.won].tolist(),
        "lost": ids[f.lost].tolist(),
        "kept": len(f.kept),
        "missed": len(f.missed),
        "undecided": f.undecided,
        "mcnemar_p": f.p,
        "difference": _value(f.difference.value),
        "low": _value(f.difference.low),
        "high": _value(f.difference.high),
    }


def _movement_json(m: Movement, ids: np.ndarray) -> dict[str, Any]:
    return {"moved": ids[m.moved].tolist(), "null": m.null, "explained": m.explained, "n": len(m.change)}


def _neighbours_json(n: NeighbourChanges) -> dict[str, Any]:
    return {"k": n.k, "n": len(n.rows), "overlap": float(n.overlap.mean()), "by_chance": n.by_chance}
