"""The description of the rows of imported vectors: ids, groups, split, duplicate group and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID
from suture.data.errors import Refused
from suture.data.vectors.checks import AnyMatrices, Columns

ROLES = {
    STUDY_ID: ("study_id", "id", "ids", "image_id", "uid"),
    GROUP: ("group", "groups", "patient_id", "subject_id", "case_id", "patient"),
    SPLIT: ("split", "splits"),
    DUPLICATE: ("duplicate_group", "caption_group"),
}


def describe_rows(columns: Columns, n: int) -> pd.DataFrame:
    """One row per vector: study_id, group, split, duplicate_group and labels.

    A missing id becomes the row number, and a missing group the id.
    """
    named = {role: _first(columns, names) for role, names in ROLES.items()}
    blank = pd.Series([""] * n, dtype=object)
    known = {role: _strings(columns[name]) if name else blank for role, name in named.items()}
    numbers = pd.Series([f"{i:06d}" for i in range(n)], dtype=object)
    ids = known[STUDY_ID].where(known[STUDY_ID] != "", numbers)
    if ids.duplicated().any():
        first, second = np.flatnonzero(ids == ids[ids.duplicated()].iloc[0])[:2]
        message = f"Rows {first} and {second} have the same id. Ids must be unique."
        raise Refused("duplicate_id", message)
    rows = pd.DataFrame({STUDY_ID: ids, GROUP: known[GROUP].where(known[GROUP] != "", ids)})
    rows[SPLIT] = known[SPLIT].where(known[SPLIT] != "", "unassigned") if named[SPLIT] else "all"
    rows[DUPLICATE] = known[DUPLICATE]
    for name in [c for c in columns if c not in named.values()]:
        rows[name] = _strings(columns[name])
    return rows


def _strings(column: np.ndarray) -> pd.Series:
    """Cells as text, "" where missing."""
    text = pd.Series([str(cell) for cell in column], dtype=object)
    return text.where(~text.isin(["nan", "None", "NaT", "<NA>"]), "")


def has_ids(columns: Columns) -> bool:
    """Whether the rows have ids."""
    return bool(_first(columns, ROLES[STUDY_ID]))


def vector_text_keys(vectors: AnyMatrices) -> dict[str, list[str]]:
    """Text keys where no texts are known: equal vectors of a text modality count as the same text."""
    keys = {}
    for name, matrix in vectors.items():
        if "image" in name.lower():
            continue
        hashes = [_hash(row) for _, block in matrix.blocks() for row in block]
        known = [h for h in hashes if h]
        if len(set(known)) < len(known):
            keys[f"key:{name}"] = hashes
    return keys


def _hash(row: np.ndarray) -> str:
    return hashlib.sha256(row.tobytes()).hexdigest()[:16] if row.any() else ""


def _first(columns: Columns, names: Sequence[str]) -> str:
    return next((n for n in names if n in columns), "")
