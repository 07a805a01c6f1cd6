"""Named selections: a list of studies in the order in which they were selected, and how they were found.

A selection belongs to a collection, or to imported vectors that have none. It holds ids, so it applies to
every embedding set of that collection, including sets made later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from suture.data.collection import STUDY_ID
from suture.data.collections import storage
from suture.data.errors import Refused
from suture.data.metadata import SelectionMetadata
from suture.data.workspace import (
    SELECTION,
    SET,
    EmbeddingSetRecord,
    Record,
    SelectionRecord,
    Workspace,
)

FILE = "studies.parquet"


@dataclass(frozen=True)
class Selection:
    """Studies selected from a collection or from imported vectors.

    of, of_id  name and id of the collection, or of the embedding set of the vectors
    study_ids  in the order in which they were selected, each once
    how        how they were found, for people to read: "words: effusion", "drawn on the map"
    created    seconds since 1970; 0 = not saved yet
    """

    name: str
    of: str
    of_id: str
    study_ids: tuple[str, ...]
    how: str
    created: float = 0.0

    def __len__(self) -> int:
        return len(self.study_ids)


def owner(workspace: Workspace, embedding_set: EmbeddingSetRecord) -> Record:
    """The record that selections of this set belong to: its collection, or the set itself if it has none."""
    return storage.source_collection(workspace, embedding_set) or embedding_set


def save(workspace: Workspace, selection: Selection, *, replace: bool = False) -> SelectionRecord:
    """Save a selection under its name, atomically.

    replace  overwrite a selection of this name that belongs to the same collection

    `Refused` if no study is selected or the name is in use.
    """
    ids = list(dict.fromkeys(selection.study_ids))
    if not ids:
        raise Refused("selection_empty", "There is nothing to save: no study is selected. Select some first.")
    meta = SelectionMetadata(of=selection.of, of_id=selection.of_id, n=len(ids), how=selection.how)
    with workspace.staging() as folder:
        pd.DataFrame({STUDY_ID: ids}).to_parquet(folder / FILE, write_page_checksum=True)
        older = _existing(workspace, selection) if replace else None
        return workspace.publish(SELECTION, selection.name, folder, meta, replaces=older)


def _existing(workspace: Workspace, selection: Selection) -> SelectionRecord | None:
    """The selection to overwrite, if any. `Refused` if it belongs to another collection."""
    if not workspace.has(SELECTION, selection.name):
        return None
    existing = workspace.record(SELECTION, selection.name)
    if existing.meta.of_id != selection.of_id:
        raise Refused(
            "name_taken",
            f"There is already a selection called {selection.name!r}, of {existing.meta.of!r}. Choose "
            "another name.",
        )
    return existing


def load(workspace: Workspace, name: str) -> Selection:
    """The selection of that name; `NotFound` lists the existing ones."""
    record = workspace.record(SELECTION, name)
    table = pd.read_parquet(record.path(FILE), page_checksum_verification=True)
    ids = tuple(table[STUDY_ID].astype(str))
    return Selection(name, record.meta.of, record.meta.of_id, ids, record.meta.how, record.created)


def of_collection(workspace: Workspace, source: Record) -> list[SelectionRecord]:
    """The selections of a collection (or of imported vectors that have none), oldest first.

    Selections of a deleted collection belong to the collection that now has its name.
    """
    alive = {record.id for kind in (source.kind, SET) for record in workspace.records(kind)}

    def belongs(meta: SelectionMetadata) -> bool:
        return meta.of_id == source.id or (meta.of == source.name and meta.of_id not in alive)

    return [record for record in workspace.records(SELECTION) if belongs(record.meta)]


def row_numbers(study_ids: Iterable[str], ids: pd.Series) -> np.ndarray:
    """Row numbers of the studies in a column of ids, in the order of the column: (n_found,) of int.

    Studies in another split, or no longer in the collection, are not found.
    """
    return np.flatnonzero(ids.isin(list(study_ids)).to_numpy())
