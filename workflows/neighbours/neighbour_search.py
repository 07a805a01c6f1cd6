"""Find the neighbours of uploaded studies in one split of a set, in every direction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suture.analysis.retrieval import out_of_distribution
from suture.analysis.retrieval.out_of_distribution import ReferenceNeighbours
from suture.data.collection import STUDY_ID
from suture.data.embedding_set import EmbeddingSet, Vectors
from suture.data.errors import Refused
from suture.data.splits import named_split
from suture.data.workspace import SET, Record, Workspace, embedding_sets, read_derived, write_derived
from suture.workflows.neighbours import indexes, uploads

VERSION = 1


@dataclass(frozen=True)
class Answers:
    """Search results of uploaded studies in one set.

    nearest  (query modality, gallery modality) -> neighbours
    outside  modality -> (n,) out-of-distribution score: fraction of reference rows that are less far out,
             NaN where the modality is missing
    recall   direction -> measured recall@10 of the index used; empty for an exact search
    index    gallery modality -> kind of search: "exact", "hnsw" or "ivf"
    """

    nearest: dict[tuple[str, str], ReferenceNeighbours]
    outside: dict[str, np.ndarray]
    recall: dict[tuple[str, str], float]
    index: dict[str, str]


def search_all_directions(
    workspace: Workspace,
    part: EmbeddingSet,
    split: str,
    new: Vectors,
    *,
    k: int,
    index: str = indexes.AUTO,
) -> Answers:
    """Neighbours in every direction, and the out-of-distribution score of each uploaded study.

    part   the split of this name, of a set of the workspace
    new    modality -> (n, dim) unit rows in its space, zeros = missing; see `uploads.in_space`
    index  one of `indexes.KINDS`
    """
    indexes.check_kind(index)
    new = {m: v for m, v in new.items() if np.any(v)}
    known = [m for m in part.modalities if part.present(m).any()]
    kinds = {m: indexes.choose_kind(index, int(part.present(m).sum())) for m in known}
    opened = {
        m: indexes.open_index(workspace, part, split, m, kind)
        for m, kind in kinds.items()
        if kind != indexes.EXACT
    }
    neighbours = out_of_distribution.neighbours(
        new,
        part,
        k=max(k, out_of_distribution.NEIGHBOURS),
        indexes={m: searched.search for m, searched in opened.items()},
    )
    out = {
        m: out_of_distribution.out_of_distribution(
            neighbours[m, m], reference_spread(workspace, part, split, m)
        )
        for m in new
    }
    recall = {(x, y): searched.recall[x] for y, searched in opened.items() for x in new}
    return Answers({d: _first(near, k) for d, near in neighbours.items()}, out, recall, kinds)


def _first(neighbours: ReferenceNeighbours, k: int) -> ReferenceNeighbours:
    return ReferenceNeighbours(
        neighbours.rows[:, :k], neighbours.cosines[:, :k], neighbours.own, neighbours.gallery
    )


def reference_spread(workspace: Workspace, part: EmbeddingSet, split: str, modality: str) -> np.ndarray:
    """`out_of_distribution.reference_spread` of a modality, cached (takes seconds at 100,000 studies)."""
    digest = hashlib.sha256(split.encode()).hexdigest()[:12]
    file = f"usual-v{VERSION}-{part.modalities.index(modality)}-{digest}.bin"
    path = workspace.derived(workspace.record(SET, part.name), file)
    stored = read_derived(path)
    if stored is not None:
        return np.frombuffer(stored)
    spread = out_of_distribution.reference_spread(
        part.vectors[modality], present=part.present(modality)
    ).astype(np.float64)
    write_derived(path, spread.tobytes())
    return spread


def ranks_in_other_set(
    part: EmbeddingSet, new: Mapping[str, np.ndarray], direction: tuple[str, str], ids: np.ndarray
) -> np.ndarray:
    """Ranks of given studies for each uploaded study in another set: (n, k), 1 = first.

    NaN for studies that are not in that set or lack the modality, and for uploaded studies that lack it.

    ids  (n, k) of study ids, "" = none
    """
    asks, answers = direction
    if asks not in new or answers not in part.modalities:
        return np.full(ids.shape, np.nan)
    known = part.rows[STUDY_ID]
    rows = np.flatnonzero(known.isin(ids.ravel()))
    where = dict(zip(known.iloc[rows], rows, strict=True))
    positions = np.asarray([where.get(study, -1) for study in ids.ravel()], np.int64).reshape(ids.shape)
    return out_of_distribution.reference_ranks(np.asarray(new[asks], np.float32), part, answers, positions)


@dataclass(frozen=True)
class SearchResult:
    """Uploaded studies searched in one split of a set; vectors: their vectors in its space."""

    part: EmbeddingSet
    split: str
    ids: list[str]
    vectors: Vectors
    answers: Answers


def search(
    workspace: Workspace, visit: Record, name: str, *, split: str, k: int, index: str = indexes.AUTO
) -> SearchResult:
    """Search an embedded visit in a split of a set. `Refused` if it is not embedded, or no such split."""
    guests = uploads.stored_embedding(
        workspace, visit, uploads.checkpoint_of(workspace, workspace.record(SET, name))
    )
    if guests is None:
        raise Refused("not_embedded", f"The studies are not embedded with the checkpoint of {name!r} yet.")
    whole = embedding_sets.load(workspace, name)
    split = named_split(split, whole.splits())
    if split not in ("all", *whole.splits()):
        known = ", ".join(map(repr, whole.splits()))
        raise Refused("split_unknown", f"{name!r} has no split {split!r}. It has: {known}; or say all.")
    part = whole.split(split)
    vectors = uploads.in_space(workspace, guests, part)
    answers = search_all_directions(workspace, part, split, vectors, k=k, index=index)
    return SearchResult(part, split, guests.rows[STUDY_ID].tolist(), vectors, answers)
