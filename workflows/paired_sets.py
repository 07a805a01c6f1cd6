"""Two embedding sets paired study by study, for a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from suture.analysis.compare import (
    Movement,
    NeighbourChanges,
    by_length,
    by_value,
    movement,
    neighbour_changes,
)
from suture.analysis.compare.movement import MIN_STUDIES
from suture.analysis.evaluate import MAX_EXACT_QUERIES, right_answers
from suture.analysis.math.arrays import unit_rows
from suture.analysis.retrieval import Ranks, rank_best
from suture.analysis.statistics.bootstrap import seeded_sample
from suture.data.collection import GROUP, STUDY_ID
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.workspace import SET, Workspace

K = 10  # top k, of rank changes and neighbours
DRAWN = (
    20_000  # sample size (seeded) for comparisons study by study, if there are more than `MAX_EXACT_QUERIES`
)


def ordered_pair(name: str, modalities: Sequence[str], pair: tuple[str, str] | None) -> tuple[str, str]:
    """Two modalities in the order of the set, which its metrics use; default: its first two.

    `Refused` for a modality that the set lacks, the same one twice, or a set with one modality.
    """
    chosen = [*modalities[:2]] if pair is None else [*pair]
    have = ", ".join(modalities)
    for modality in chosen:
        if modality not in modalities:
            raise Refused("unknown_modality", f"{name!r} has no modality {modality!r}. Expected: {have}.")
    if len(set(chosen)) < 2:
        raise Refused("too_few_modalities", f"A gap needs two modalities of {name!r}, which has {have}.")
    x, y = sorted(chosen, key=[*modalities].index)
    return x, y


@dataclass(frozen=True)
class Sides:
    """The studies that have both modalities of the pair, in A and in B; a seeded sample of very many.

    parts  the split of A and of B; rows  (n,) row numbers in them; count  number of studies before sampling
    """

    pair: tuple[str, str]
    parts: tuple[EmbeddingSet, EmbeddingSet]
    rows: np.ndarray
    count: int

    @classmethod
    def of(cls, first: EmbeddingSet, second: EmbeddingSet, split: str, pair: tuple[str, str] | None) -> Sides:
        """Pair a split of A and B. `Refused` for a modality that A lacks, or fewer than two studies."""
        x, y = ordered_pair(first.name, first.modalities, pair)
        rows = first.rows_with(x, y)
        if len(rows) < 2:
            raise Refused(
                "too_few_rows", f"{len(rows)} studies of {split!r} have both {x} and {y}; 2 are needed."
            )
        count = len(rows)
        if count > MAX_EXACT_QUERIES:
            rows = rows[seeded_sample(count, DRAWN, 0)]
        return cls((x, y), (first, second), rows, count)

    @property
    def describe(self) -> str:
        """A sentence on the sample; "" if all studies are included."""
        if len(self.rows) == self.count:
            return ""
        return (
            f"Study by study: {len(self.rows):,} of the {self.count:,}, drawn by a seed. Ranks, neighbours "
            "and who moved are among these alone; the table of numbers is of all."
        )

    @property
    def ids(self) -> list[str]:
        """Study ids in order."""
        return [str(i) for i in self.parts[0].rows[STUDY_ID].to_numpy()[self.rows]]

    @property
    def groups(self) -> np.ndarray:
        """(n,) of str, patient or case of each study, as the evaluation resamples them."""
        return self.parts[0].rows[GROUP].to_numpy(str)[self.rows]

    def both(self, modality: str) -> tuple[np.ndarray, np.ndarray]:
        """Unit rows of one modality in A and in B."""
        first, second = (unit_rows(part.vectors[modality][self.rows]) for part in self.parts)
        return first, second

    def cosines(self) -> tuple[np.ndarray, np.ndarray]:
        """Cosines of true pairs in A and in B, (n,) each."""
        x, y = (self.both(m) for m in self.pair)
        first, second = (np.einsum("nd,nd->n", p, q) for p, q in zip(x, y, strict=True))
        return first, second

    def ranks(self, queries: str, gallery: str) -> tuple[Ranks, Ranks]:
        """Ranks in A and in B; every item with the same text or duplicate group is a correct answer."""
        keys = right_answers(self.parts[0], queries, gallery).related[self.rows]
        query_rows, gallery_rows = self.both(queries), self.both(gallery)
        first, second = (rank_best(q, g, keys, keys) for q, g in zip(query_rows, gallery_rows, strict=True))
        return first, second

    def movement(self) -> dict[str, Movement]:
        """Modality -> studies that moved; empty with too few studies to estimate the common change."""
        if len(self.rows) < MIN_STUDIES:
            return {}
        return {m: movement(*self.both(m), groups=self.groups) for m in self.pair}

    def neighbours(self) -> dict[str, NeighbourChanges]:
        """Neighbour changes within each modality and across, in both directions."""
        x, y = self.pair
        changes = {m: neighbour_changes(*self.both(m), k=K) for m in self.pair}
        for queries, gallery in ((x, y), (y, x)):
            items = self.both(gallery)
            changes[f"{queries}->{gallery}"] = neighbour_changes(*self.both(queries), items=items, k=K)
        return changes

    def label_columns(self) -> Iterator[tuple[str, np.ndarray]]:
        """Labels with at least two values to slice by."""
        rows = self.parts[0].rows.iloc[self.rows]
        for label in self.parts[0].labels:
            try:
                by = by_value(rows[label].tolist())
            except ValueError:
                continue  # names or free text: too many values to slice by
            if len(set(by) - {""}) > 1:
                yield label, by


def text_lengths(workspace: Workspace, name: str, ids: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Length classes of each text modality in the collection behind a set, for these study ids."""
    source = storage.source_collection(workspace, workspace.record(SET, name))
    if source is None:
        return
    collection = storage.load(workspace, source.name)
    table = collection.table.set_index(STUDY_ID)
    if not set(ids) <= set(table.index):
        return  # another collection now has this name
    for modality in collection.modalities:
        if modality.kind == "text":
            by = by_length(table.loc[[*ids], modality.name].tolist())
            if len(set(by) - {""}) > 1:
                yield f"length of {modality.name}", by
