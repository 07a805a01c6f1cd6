"""The data of a report: one set or two, their comparison, and their provenance."""

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
    """Excerpts of a study. texts: modality -> excerpt; pictures: modality -> JPEG; both may be empty."""

    texts: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportMap:
    """A map of the studies. places: modality -> (n, 2), NaN = missing; explained: variance share per axis."""

    method: str
    places: Mapping[str, np.ndarray]
    explained: tuple[float, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ReportSet:
    """One embedding set.

    cosines     samples for the histograms; None with fewer than two pairs
    by_label    column of labels -> mean cosine of true pairs for each value
    worst       (study id, cosine) of the true pairs with the lowest cosine, lowest first
    about       description of the checkpoint
    warning     why its metrics are not valid scores; "" if they are
    provenance  sources: hashes, versions, truncated texts
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
    """The results of comparing A and B; `suture.workflows.compare.Compared` is one."""

    @property
    def study_ids(self) -> tuple[str, ...]: ...
    @property
    def table(self) -> Comparison: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def rank_changes(self) -> Mapping[str, RankChanges]: ...
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
    """The data of a report.

    sides     A, or A and B
    pair      the two modalities
    paired    comparison of A and B; None with A alone
    studies   study id -> excerpts
    unpaired  studies of the split that lack one of the two modalities
    made      ISO date; the only difference between two reports of the same sets
    versions  of the programs used
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
        """Title: the names of the sets."""
        return " against ".join(side.name for side in self.sides)

    @property
    def holds(self) -> str:
        """Which patient data the file contains, in a sentence."""
        texts, pictures = (
            (
                sum(bool(kept) for kept in excerpts)
                for excerpts in zip(*((s.texts, s.pictures) for s in self.studies.values()), strict=True)
            )
            if self.studies
            else (0, 0)
        )
        shown = [
            f"{what} of {count:,} studies"
            for what, count in (("texts", texts), ("images", pictures))
            if count
        ]
        held = ", ".join([*shown, "study ids"]) + " and label values with their counts"
        listed = f"This file contains {held}{'' if shown else '; no text and no image of a study'}. "
        if self.synthetic:
            return listed + "The studies are synthetic and contain no patient data."
        return listed + "If the studies are patient data, so is this file: protect it accordingly."

    def to_json(self) -> dict[str, Any]:
        """The whole report except figures and images; undefined values are null."""
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
    """The value with plain Python numbers, and None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
