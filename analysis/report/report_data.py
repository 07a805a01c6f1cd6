"""Everything that a report says: one set or two, what changed between them, where it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from suture.analysis.compare import Comparison, Movement, NeighbourChanges, RankChanges, Slice, Verdict
from suture.analysis.evaluate import Evaluation
from suture.analysis.gap import CosineSamples, LabelMean


@dataclass(frozen=True)
class StudyExcerpt:
    """What is shown of a study. texts: modality -> excerpt; pictures: modality -> JPEG; both may be empty."""

    texts: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportMap:
    """A map of the studies. places: modality -> (n, 2), NaN = missing; explained: variance share an axis."""

    method: str
    places: Mapping[str, np.ndarray]
    explained: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ReportSet:
    """One embedding set.

    cosines     samples for the histograms; None with fewer than two pairs
    by_label    column of labels -> mean cosine of true pairs for each value
    worst       (study id, cosine) of the true pairs that lie farthest apart, farthest first
    about       what is known of the checkpoint
    warning     why its numbers are not true scores; "" if they are
    provenance  what it was made from: hashes, versions, truncated texts
    """

    evaluation: Evaluation
    cosines: CosineSamples | None
    maps: tuple[ReportMap, ...]
    by_label: Mapping[str, tuple[LabelMean, ...]]
    worst: tuple[tuple[str, float], ...]
    about: str
    warning: str
    provenance: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the embedding set."""
        return self.evaluation.set


class PairedResults(Protocol):
    """What a report says of A against B; `suture.workflows.compare.Compared` is one."""

    @property
    def study_ids(self) -> tuple[str, ...]: ...
    @property
    def table(self) -> Comparison: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def flips(self) -> Mapping[str, RankChanges]: ...
    @property
    def ranks(self) -> Mapping[str, tuple[np.ndarray, np.ndarray]]: ...
    @property
    def cosines(self) -> tuple[np.ndarray, np.ndarray]: ...
    @property
    def movement(self) -> Mapping[str, Movement]: ...
    @property
    def neighbours(self) -> Mapping[str, NeighbourChanges]: ...
    @property
    def agreement(self) -> Mapping[str, Any]: ...
    @property
    def slices(self) -> Mapping[str, tuple[Slice, ...]]: ...
    @property
    def hits(self) -> Mapping[str, tuple[Slice, ...]]: ...
    @property
    def sampling(self) -> str: ...
    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class ReportData:
    """A report before it is written.

    sides     A, or A and B
    pair      the two modalities in question
    paired    A against B; None with A alone
    studies   study id -> what is shown of it
    unpaired  studies of the split that lack one of the two modalities
    made      when, as ISO date; the only thing that differs between two reports of the same sets
    versions  of the programs that measured
    """

    sides: tuple[ReportSet, ...]
    split: str
    pair: tuple[str, str]
    paired: PairedResults | None
    studies: Mapping[str, StudyExcerpt]
    unpaired: int
    synthetic: bool
    made: str
    versions: Mapping[str, str]

    @property
    def title(self) -> str:
        """What the report is of."""
        return " against ".join(side.name for side in self.sides)

    @property
    def holds(self) -> str:
        """What the file holds of patients, in a sentence."""
        texts, pictures = (
            (
                sum(bool(kept) for kept in found)
                for found in zip(*((s.texts, s.pictures) for s in self.studies.values()), strict=True)
            )
            if self.studies
            else (0, 0)
        )
        shown = [
            f"{what} of {count:,} studies"
            for what, count in (("texts", texts), ("pictures", pictures))
            if count
        ]
        listed = (
            f"This file holds {' and '.join(shown) or 'no text and no picture of a study'}, study ids, and "
        )
        listed += "values of labels with their counts. "
        if self.synthetic:
            return listed + "The studies are synthetic: they show no patient."
        return (
            listed + "If the studies are of patients, so is this file: pass it on as you would pass on those."
        )

    def to_json(self) -> dict[str, Any]:
        """The whole report but its figures and pictures; numbers that are undefined are null."""
        return finite(
            {
                "title": self.title,
                "made": self.made,
                "split": self.split,
                "pair": list(self.pair),
                "holds": self.holds,
                "synthetic": self.synthetic,
                "versions": dict(self.versions),
                "evaluations": [side.evaluation.to_json() for side in self.sides],
                "comparison": self.paired.to_json() if self.paired else None,
                "worst_pairs": [
                    [{"study_id": study, "cosine": cosine} for study, cosine in side.worst]
                    for side in self.sides
                ],
                "texts": {name: dict(study.texts) for name, study in self.studies.items() if study.texts},
                "warnings": [side.warning for side in self.sides if side.warning],
                "provenance": [dict(side.provenance) for side in self.sides],
            }
        )


def finite(value: Any) -> Any:
    """The same with plain Python numbers, and None for those that JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
