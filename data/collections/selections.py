"""Named selections: studies that somebody picked out, in their order, and how they were found.

A selection belongs to a collection, or to vectors that came without one. It holds ids, so it applies to every
embedding set of that collection, also to those made later.
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
    """Studies picked out of a collection or a set of vectors.

    of, of_id  name and id of what they belong to
    study_ids  in the order in which they were picked, each once
    how        in plain words: "words: effusion", "drawn on the map"
    created    seconds since 1970; 0 = not kept yet
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
    """What selections of this set's studies belong to: its collection, or the set itself without one."""
    return storage.origin(workspace, embedding_set) or embedding_set


def save(workspace: Workspace, selection: Selection, *, replace: bool = False) -> SelectionRecord:
    """Keep a selection under its name, atomically.

    `Refused` for no studies or a taken name; with `replace` an older selection of the same studies gives way.
    """
    ids = list(dict.fromkeys(selection.study_ids))
    if not ids:
        raise Refused("selection_empty", "There is nothing to keep: no study is selected. Select some first.")
    meta = SelectionMetadata(of=selection.of, of_id=selection.of_id, n=len(ids), how=selection.how)
    with workspace.staging() as folder:
        pd.DataFrame({STUDY_ID: ids}).to_parquet(folder / FILE, write_page_checksum=True)
        older = _older(workspace, selection) if replace else None
        return workspace.publish(SELECTION, selection.name, folder, meta, replaces=older)


def _older(workspace: Workspace, selection: Selection) -> SelectionRecord | None:
    """What would be replaced. `Refused` where that belongs to other studies."""
    if not workspace.has(SELECTION, selection.name):
        return None
    found = workspace.record(SELECTION, selection.name)
    if found.meta.of_id != selection.of_id:
        raise Refused(
            "name_taken",
            f"There is already a selection called {selection.name!r}, of {found.meta.of!r}. Choose "
            "another name.",
        )
    return found


def load(workspace: Workspace, name: str) -> Selection:
    """The selection of that name; `NotFound` lists those there are."""
    record = workspace.record(SELECTION, name)
    table = pd.read_parquet(record.path(FILE), page_checksum_verification=True)
    ids = tuple(table[STUDY_ID].astype(str))
    return Selection(name, record.meta.of, record.meta.of_id, ids, record.meta.how, record.created)


def of_collection(workspace: Workspace, source: Record) -> list[SelectionRecord]:
    """The selections of a collection (or of vectors without one), oldest first.

    Those of a collection that is gone count for the one that now has its name.
    """
    alive = {record.id for kind in (source.kind, SET) for record in workspace.records(kind)}

    def belongs(meta: SelectionMetadata) -> bool:
        return meta.of_id == source.id or (meta.of == source.name and meta.of_id not in alive)

    return [record for record in workspace.records(SELECTION) if belongs(record.meta)]


def places(study_ids: Iterable[str], ids: pd.Series) -> np.ndarray:
    """Where the studies stand in a column of ids, in the order of the column: (found,) of int.

    Fewer are found than asked for where studies are in another split, or no longer there.
    """
    return np.flatnonzero(ids.isin(list(study_ids)).to_numpy())
