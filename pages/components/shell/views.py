"""What the pages look at: an embedding set, one split of it, and the collection behind it.

Everything is cached by name and content fingerprint, never by big arrays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import streamlit as st

from suture.analysis.math import arrays
from suture.analysis.retrieval import nearest
from suture.data.collection import STUDY_ID, Collection, Study
from suture.data.collections import storage
from suture.data.embedding_set import EmbeddingSet
from suture.data.images.pack import ImagePack
from suture.data.workspace import SET, Record, Workspace, embedding_sets
from suture.pages.components import access
from suture.workflows import evaluate, layouts
from suture.workflows.layout_record import Layout

SLOW_ABOVE = 20_000  # studies above which measuring takes minutes


def workspace() -> Workspace:
    """The workspace that `SUTURE_HOME` names, as far as whoever is logged in may see it."""
    return _workspace(os.environ.get("SUTURE_HOME", ""), access.who())


@lru_cache(maxsize=256)
def _workspace(home: str, owner: str) -> Workspace:
    return Workspace(home or None, owner)


@dataclass(frozen=True)
class View:
    """One split of one embedding set. `where[i]` is the row of study i in the whole set.

    `collection` and `studies` (rows of the collection's table) are None for vectors without one; `splits`
    are those of the whole set.
    """

    record: Record
    set: EmbeddingSet
    split: str
    where: np.ndarray
    collection: Collection | None
    studies: np.ndarray | None
    splits: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the embedding set."""
        return self.record.name

    @property
    def ids(self) -> Sequence[str]:
        """Study ids in order, as the table holds them: of millions there are no strings of Python's."""
        return cast(Sequence[str], self.set.rows[STUDY_ID].array)

    @property
    def synthetic(self) -> bool:
        """Whether the studies are synthetic."""
        return bool(self.set.provenance.synthetic or (self.collection and self.collection.synthetic))

    def study(self, row: int) -> Study | None:
        """Study number `row` of this view, or None if there is no collection."""
        if self.collection is None or self.studies is None:
            return None
        return self.collection.study(int(self.studies[row]))


def view(name: str, split: str) -> View:
    """A split of the set of that name ("all" = every study)."""
    record = workspace().record(SET, name)
    source = storage.source_collection(workspace(), record)
    if source is not None and not source.intact:  # the vectors can be looked at without it
        source = None
    return _view(record.id, name, split, source.name if source else "", source.id if source else "")


@st.cache_resource(show_spinner="Opening the embedding set…", max_entries=16)
def _view(record_id: str, name: str, split: str, source: str, source_id: str) -> View:
    """Keyed by ids: an equal set of somebody else is another, and nothing of a deleted collection stays."""
    record = workspace().record(SET, name)
    whole = embedding_sets.load(workspace(), name)
    chosen = np.ones(len(whole), bool) if split == "all" else (whole.rows["split"] == split).to_numpy()
    part = whole if chosen.all() else whole.subset(chosen)  # the whole stays on disk, mapped
    collection = _collection(source_id, source) if source else None
    studies = None
    if collection is not None:
        position = {study: i for i, study in enumerate(collection.table[STUDY_ID])}
        studies = np.asarray([position.get(study, -1) for study in part.rows[STUDY_ID]])
        if (studies < 0).any():  # the collection was replaced by another of that name
            collection, studies = None, None
    return View(record, part, split, np.flatnonzero(chosen), collection, studies, tuple(whole.splits()))


@st.cache_resource(show_spinner=False, max_entries=8)
def _collection(record_id: str, name: str) -> Collection:
    return storage.load(workspace(), name)


@st.cache_resource(show_spinner=False, max_entries=8)
def _pack(record_id: str, name: str) -> ImagePack | None:
    return storage.image_pack(workspace(), name)


def image_bytes(shown: View, study: Study, modality: str) -> bytes | None:
    """The encoded picture of a study, or None."""
    source = storage.source_collection(workspace(), shown.record)
    pack = _pack(source.id, source.name) if source else None
    number = study.values.get(modality)
    return None if pack is None or number is None else pack.read(int(number))


class NotMeasured(Exception):
    """What was asked for would take longer than a person waits; an exception, as results are kept."""


def pca(shown: View, *, limit: int = layouts.QUICK) -> Layout | None:
    """The two directions of largest variance of all modalities, with what that map distorts.

    Measured for all points or, above `limit`, a sample of them. None where a worker has still to lay it out.
    """
    try:
        return _pca(shown.record.fingerprint, shown.name, shown.split, limit)
    except NotMeasured:
        return None


@st.cache_resource(show_spinner="Laying out the map…", max_entries=16)
def _pca(fingerprint: str, name: str, split: str, limit: int) -> Layout:
    part = view(name, split).set
    if layouts.is_quick_pca(part):
        return layouts.pca_layout(workspace(), part, limit=limit)
    known = layouts.stored_pca_layout(workspace(), part, limit=limit)
    if known is None:
        raise NotMeasured
    return known


def umap(shown: View) -> Layout | None:
    """The studies' part of the set's layout if a worker has laid it out, else None."""
    path = workspace().derived(shown.record, layouts.FILE)
    if not path.is_file():
        return None
    return _umap(shown.record.fingerprint, shown.name, shown.split, path.stat().st_mtime_ns)


@st.cache_resource(show_spinner=False, max_entries=16)
def _umap(fingerprint: str, name: str, split: str, written: int) -> Layout | None:
    found = layouts.stored_umap_layout(workspace(), name)
    return None if found is None else found.subset(view(name, split).where)


def pair_cosines(shown: View, pair: tuple[str, str]) -> np.ndarray:
    """(n_studies,) cosine of each study's pair, NaN where one modality is missing."""
    return _of_pairs(shown.record.fingerprint, shown.name, shown.split, pair, "cosine")


def partner_ranks(shown: View, pair: tuple[str, str]) -> np.ndarray:
    """(n_studies,) rank of each study's own partner, 1 = first; NaN where one modality is missing."""
    return _of_pairs(shown.record.fingerprint, shown.name, shown.split, pair, "rank")


@st.cache_resource(show_spinner="Measuring every pair…", max_entries=32)
def _of_pairs(fingerprint: str, name: str, split: str, pair: tuple[str, str], what: str) -> np.ndarray:
    part = view(name, split).set
    rows = part.rows_with(*pair)
    if what == "rank":
        values = np.full(len(part), np.nan)
        values[rows] = nearest.partner_ranks(*(np.asarray(part.vectors[m][rows], np.float32) for m in pair))
    else:
        x, y = (part.vectors[modality] for modality in pair)
        values = arrays.pair_cosines(x, y, rows)
    values.flags.writeable = False
    return values


def about_checkpoint(shown: View) -> str:
    """What is known of the checkpoint that made a set, in a sentence; "" if nothing."""
    maker = evaluate.maker(workspace(), shown.set.provenance)
    return " ".join(maker.meta.notes or ()) if maker else ""


def row_of(shown: View, study: str) -> int | None:
    """The row of a study in a view, or None."""
    found = np.flatnonzero((shown.set.rows[STUDY_ID] == study).to_numpy())
    return int(found[0]) if len(found) else None


def same_studies(a: View, b: View) -> bool:
    """Whether both views show the same studies in the same order."""
    return a.set.rows[STUDY_ID].equals(b.set.rows[STUDY_ID])
