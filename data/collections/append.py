"""Append the studies of one collection to another, as a new collection; both originals stay unchanged.

Measurements on the splits of the first remain valid, because the appended studies get a split of their own.
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

ADDED_SPLIT = "added"  # the split of the appended studies
PACK_FILES = ("images.bin", "images.npy")


def append(
    workspace: Workspace, reference: CollectionRecord, added: CollectionRecord, name: str
) -> CollectionRecord:
    """Publish the studies of `reference`, followed by those of `added`, as a new collection called `name`.

    reference, added  collections of this or another workspace
    """
    first, second = (storage.read(record) for record in (reference, added))
    workspace.refuse_taken(COLLECTION, name)
    workspace.require_space(reference.size + added.size)
    with workspace.staging() as staged:
        shift = _merge_packs(staged, reference, added)
        collection = concatenate(first, second, name, shift=shift)
        return storage.publish(workspace, collection, staged, report=ImportReport(warnings={}))


def concatenate(first: Collection, second: Collection, name: str, *, shift: int) -> Collection:
    """The rows of both. A modality of the second maps to the first's modality of the same name, else kind.

    Other modalities of the second are added unless the first uses a column of that name for something else.
    An id or patient that occurs in both gets a number appended in the second: the same name in two sources
    need not be the same person.

    shift  added to the image numbers of the second
    """
    same = matching_modalities(first.modalities, second.modalities)
    table = second.table.rename(columns={old.columns[0]: new.columns[0] for new, old in same})
    more = tuple(m for m in second.modalities if m not in [o for _, o in same] and m.name not in first.table)
    modalities = (*first.modalities, *more)
    table[STUDY_ID] = make_unique(table[STUDY_ID], {*first.table[STUDY_ID]})
    for column in (GROUP, DUPLICATE):
        table[column] = make_unique(table[column], {*first.table[column]} - {""}, within=False)
    table[SPLIT] = ADDED_SPLIT
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


def matching_modalities(
    first: tuple[Modality, ...], second: tuple[Modality, ...]
) -> list[tuple[Modality, Modality]]:
    """Pairs (of the first, of the second) that hold the same data: by name, else by kind, in order."""
    pairs = [(a, b) for a in first for b in second if (a.name, a.kind) == (b.name, b.kind)]
    for a in first:
        free = [b for b in second if b.kind == a.kind != "tabular" and b not in [y for _, y in pairs]]
        if free and a not in [x for x, _ in pairs]:
            pairs.append((a, free[0]))
    return pairs


def make_unique(values: pd.Series, known: Known[str], *, within: bool = True) -> pd.Series:
    """The values, with a number appended to each that is already known: "a" becomes "a (2)".

    within  also make the values different from each other; else equal values stay equal
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


def _merge_packs(staged: Path, *records: Record) -> int:
    """Write one pack with the images of all records; returns the number of images of the first."""
    packs = [r for r in records if PACK_FILES[0] in r.files]
    if not packs:
        return 0
    offsets = [np.load(r.path(PACK_FILES[1]), allow_pickle=False) for r in packs]
    with (staged / PACK_FILES[0]).open("wb") as whole:
        for record in packs:
            with record.path(PACK_FILES[0]).open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
    ends = np.cumsum([0, *(o[-1] for o in offsets[:-1])])
    merged = [o[1:] + end for o, end in zip(offsets, ends, strict=True)]
    np.save(staged / PACK_FILES[1], np.concatenate([[0], *merged]).astype(np.int64))
    return len(offsets[0]) - 1 if packs[0] is records[0] else 0
