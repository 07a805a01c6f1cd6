"""A collection with others' studies behind its own: a new collection, while both stay as they are.

What was measured on the splits of the first still holds of it: what is added gets a split of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection as Known
from pathlib import Path

import numpy as np
import pandas as pd

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID, Collection, Modality
from suture.data.collections import storage
from suture.data.metadata import ImportReport
from suture.data.workspace import (
    COLLECTION,
    CollectionRecord,
    Record,
    Workspace,
)

ADDED = "added"  # the split of what came later
IMAGES = ("images.bin", "images.npy")


def append(
    workspace: Workspace, reference: CollectionRecord, added: CollectionRecord, name: str
) -> CollectionRecord:
    """Publish the studies of `reference`, then those of `added`, as a collection of another name.

    reference, added  collections, of this or of another workspace
    """
    first, second = (storage.read(record) for record in (reference, added))
    workspace.refuse_taken(COLLECTION, name)
    workspace.require_space(reference.size + added.size)
    with workspace.staging() as staged:
        shift = _packed(staged, reference, added)
        collection = joined(first, second, name, shift=shift)
        return storage.publish(workspace, collection, staged, report=ImportReport(warnings={}))


def joined(first: Collection, second: Collection, name: str, *, shift: int) -> Collection:
    """Rows of both; a modality of the second is the one of that name, or of that kind, in the first.

    A further modality comes along unless the first has a column of that name for something else.

    shift  what is added to numbers of pictures of the second. An id that is known already gets a number
    behind it, and so does a patient: the same name in two sources need not be the same person.
    """
    same = partners(first.modalities, second.modalities)
    table = second.table.rename(columns={old.columns[0]: new.columns[0] for new, old in same})
    more = tuple(m for m in second.modalities if m not in [o for _, o in same] and m.name not in first.table)
    modalities = (*first.modalities, *more)
    table[STUDY_ID] = apart(table[STUDY_ID], {*first.table[STUDY_ID]})
    for column in (GROUP, DUPLICATE):
        table[column] = apart(table[column], {*first.table[column]} - {""}, within=False)
    table[SPLIT] = ADDED
    both = pd.concat([first.table, table], ignore_index=True)
    for modality in modalities:
        if modality.kind == "image":
            column = modality.columns[0]
            numbers = np.array(both[column].fillna(-1), dtype=int)
            numbers[len(first) :] += np.where(numbers[len(first) :] >= 0, shift, 0)
            both[column] = numbers
    both = both.fillna("")
    held = {column for m in modalities for column in m.columns}
    labels = tuple(c for c in dict.fromkeys([*first.labels, *second.labels]) if c not in held)
    notes = {**first.notes, "added": len(second), "split": f"{first.notes.get('split', '')}; added apart"}
    return Collection(name, both, modalities, labels, first.synthetic or second.synthetic, notes)


def partners(first: tuple[Modality, ...], second: tuple[Modality, ...]) -> list[tuple[Modality, Modality]]:
    """(of the first, of the second) that are the same: by name, else by kind, in order."""
    found = [(a, b) for a in first for b in second if (a.name, a.kind) == (b.name, b.kind)]
    for a in first:
        free = [b for b in second if b.kind == a.kind != "tabular" and b not in [y for _, y in found]]
        if free and a not in [x for x, _ in found]:
            found.append((a, free[0]))
    return found


def apart(values: pd.Series, known: Known[str], *, within: bool = True) -> pd.Series:
    """Values that are not among the known ones; what is gets the first number that is free.

    within  each value once; else equal values stay equal
    """
    taken, given = {*known}, dict[str, str]()
    fresh = []
    for value in values:
        if value and (within or value not in given):
            tries = (value, *(f"{value} ({n})" for n in range(2, len(taken) + len(values) + 3)))
            given[value] = next(t for t in tries if t not in taken)
            if within:
                taken.add(given[value])
        fresh.append(given.get(value, value))
    return pd.Series(fresh, index=values.index)


def _packed(staged: Path, *records: Record) -> int:
    """One pack of all pictures; how many the first has."""
    packs = [r for r in records if IMAGES[0] in r.files]
    if not packs:
        return 0
    offsets = [np.load(r.path(IMAGES[1]), allow_pickle=False) for r in packs]
    with (staged / IMAGES[0]).open("wb") as whole:
        for record in packs:
            with record.path(IMAGES[0]).open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
    ends = np.cumsum([0, *(o[-1] for o in offsets[:-1])])
    merged = [o[1:] + end for o, end in zip(offsets, ends, strict=True)]
    np.save(staged / IMAGES[1], np.concatenate([[0], *merged]).astype(np.int64))
    return len(offsets[0]) - 1 if packs[0] is records[0] else 0
