"""What the pages look at: an embedding set, one split of it, and the collection behind it.

Everything is cached by name and content fingerprint, never by big arrays.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis import arrays
from analysis.evaluate import Evaluation
from analysis.neighbours import partner_ranks
from data import embeddings, store
from data.collection import STUDY_ID, Collection, Study
from data.embeddings import EmbeddingSet
from data.images import ImagePack
from data.workspace import SET, Record, Workspace
from models import layouts, results
from models.layouts import Layout
from pages.components import access

MANY = 20_000  # studies above which measuring takes minutes


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

    @cached_property
    def ids(self) -> list[str]:
        """Study ids in order."""
        return self.set.rows[STUDY_ID].tolist()

    @property
    def synthetic(self) -> bool:
        """Whether the studies are synthetic."""
        return bool(self.set.provenance.get("synthetic") or (self.collection and self.collection.synthetic))

    def study(self, row: int) -> Study | None:
        """Study number `row` of this view, or None if there is no collection."""
        if self.collection is None or self.studies is None:
            return None
        return self.collection.study(int(self.studies[row]))


def view(name: str, split: str) -> View:
    """A split of the set of that name ("all" = every study)."""
    record = workspace().record(SET, name)
    source = store.origin(workspace(), record)
    if source is not None and not source.intact:  # the vectors can be looked at without it
        source = None
    return _view(record.id, name, split, source.name if source else "", source.id if source else "")


@st.cache_resource(show_spinner="Opening the embedding set…", max_entries=16)
def _view(record_id: str, name: str, split: str, source: str, source_id: str) -> View:
    """Keyed by ids: an equal set of somebody else is another, and nothing of a deleted collection stays."""
    record = workspace().record(SET, name)
    whole = embeddings.load(workspace(), name)
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
    return store.load(workspace(), name)


@st.cache_resource(show_spinner=False, max_entries=8)
def _pack(record_id: str, name: str) -> ImagePack | None:
    return store.image_pack(workspace(), name)


def image_bytes(shown: View, study: Study, modality: str) -> bytes | None:
    """The encoded picture of a study, or None."""
    source = store.origin(workspace(), shown.record)
    pack = _pack(source.id, source.name) if source else None
    number = study.values.get(modality)
    return None if pack is None or number is None else pack.read(int(number))


def evaluation(shown: View) -> Evaluation:
    """All metrics of a view; computed once with a progress bar, then read from the workspace.

    What takes minutes waits until it is asked for, and the page ends there.
    """
    place = st.empty()  # there with or without a bar: what follows stays the same element of the page
    try:
        return _evaluation(shown.record.id, shown.name, shown.split)
    except _Unmeasured:
        _measure(shown, place)
    return _evaluation(shown.record.id, shown.name, shown.split)


class _Unmeasured(Exception):
    """Reading would mean computing; an exception, as what a cached function returns is kept."""


@st.cache_resource(show_spinner=False, max_entries=32)
def _evaluation(record_id: str, name: str, split: str) -> Evaluation:
    if not results.measured(workspace(), name, split):
        raise _Unmeasured
    return results.evaluation(workspace(), name, split=split)


def _measure(shown: View, place: DeltaGenerator) -> None:
    if len(shown.set) > MANY:
        _wait_to_be_asked(shown)

    def progress(share: float, what: str) -> None:
        place.progress(share, text=f"Measuring {what} of {shown.name}, with intervals")

    results.evaluation(workspace(), shown.name, split=shown.split, progress=progress)
    place.empty()


def _wait_to_be_asked(shown: View) -> None:
    key = f"measure-{shown.record.fingerprint}-{shown.split}"
    if not st.session_state.get(key):
        st.info(
            f"The {len(shown.set):,} studies of this split are not measured yet. It takes minutes, once.",
            icon=":material/timer:",
        )
        st.session_state[key] = st.button("Measure now", key=f"{key}-go", type="primary")
    if not st.session_state[key]:
        st.stop()


def pca(shown: View, *, limit: int = layouts.QUICK) -> Layout:
    """The two directions of largest variance of all modalities, with what that map distorts.

    Measured for all points or, above `limit`, a sample of them.
    """
    return _pca(shown.record.fingerprint, shown.name, shown.split, limit)


@st.cache_resource(show_spinner="Laying out the map…", max_entries=16)
def _pca(fingerprint: str, name: str, split: str, limit: int) -> Layout:
    return layouts.straight(workspace(), view(name, split).set, limit=limit)


def umap(shown: View) -> Layout | None:
    """The studies' part of the set's layout if a worker has laid it out, else None."""
    path = workspace().derived(shown.record, layouts.FILE)
    if not path.is_file():
        return None
    return _umap(shown.record.fingerprint, shown.name, shown.split, path.stat().st_mtime_ns)


@st.cache_resource(show_spinner=False, max_entries=16)
def _umap(fingerprint: str, name: str, split: str, written: int) -> Layout | None:
    found = layouts.read(workspace(), name)
    return None if found is None else found.subset(view(name, split).where)


def pair_cosines(shown: View, pair: tuple[str, str]) -> np.ndarray:
    """(n_studies,) cosine of each study's pair, NaN where one side is missing."""
    return _of_pairs(shown.record.fingerprint, shown.name, shown.split, pair, "cosine")


def partner_places(shown: View, pair: tuple[str, str]) -> np.ndarray:
    """(n_studies,) place of each study's own partner, 1 = first; NaN where one side is missing."""
    return _of_pairs(shown.record.fingerprint, shown.name, shown.split, pair, "rank")


@st.cache_resource(show_spinner="Measuring every pair…", max_entries=32)
def _of_pairs(fingerprint: str, name: str, split: str, pair: tuple[str, str], what: str) -> np.ndarray:
    part = view(name, split).set
    rows = part.rows_with(*pair)
    if what == "rank":
        values = np.full(len(part), np.nan)
        values[rows] = partner_ranks(*(np.asarray(part.vectors[m][rows], np.float32) for m in pair))
    else:
        values = arrays.pair_cosines(*(part.vectors[m] for m in pair), rows)
    values.flags.writeable = False
    return values


def about_checkpoint(shown: View) -> str:
    """What is known of the checkpoint that made a set, in a sentence; "" if nothing."""
    maker = results.maker(workspace(), shown.set.provenance)
    return " ".join(maker.meta.get("notes", [])) if maker else ""


def same_studies(a: View, b: View) -> bool:
    """Whether both views show the same studies in the same order."""
    return a.ids == b.ids
