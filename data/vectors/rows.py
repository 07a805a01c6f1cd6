"""The description of the rows of imported vectors: ids, groups, split, duplicate group and labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID
from suture.data.embedding_set import text_digest
from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.vectors.blocks import InMemory, Matrix
from suture.data.vectors.checks import AnyMatrices, Columns
from suture.data.vectors.numbered import TEXT

PLANES = 6
CELL, NEAR = 1e-3, 4e-5

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
        if name.startswith(TEXT):
            rows[f"key:{name.removeprefix(TEXT)}"] = _strings(columns[name]).map(text_digest)
        else:
            rows[name] = _strings(columns[name])
    return rows


def refuse_unknown_texts(columns: Columns, modalities: Collection[str]) -> None:
    """`Refused` for a column `text:<name>` of which there is no modality."""
    for name in columns:
        if name.startswith(TEXT) and name.removeprefix(TEXT) not in modalities:
            raise Refused(
                "unknown_modality",
                f"{quoted(name)} should hold the texts of {quoted(name.removeprefix(TEXT))}, which is not "
                f"among the vectors: {', '.join(modalities)}.",
            )


def _strings(column: np.ndarray) -> pd.Series:
    """Cells as text, "" where missing."""
    text = pd.Series([str(cell) for cell in column], dtype=object)
    return text.where(~text.isin(["nan", "None", "NaT", "<NA>"]), "")


def has_ids(columns: Columns) -> bool:
    """Whether the rows have ids."""
    return bool(_first(columns, ROLES[STUDY_ID]))


def vector_text_keys(vectors: AnyMatrices) -> dict[str, list[str]]:
    """Text keys where no texts are known: equal vectors of a text modality count as the same text.

    Equal up to rounding (`equal_rows`): an encoder gives the same text slightly different vectors in batches
    of other sizes.
    """
    keys = {}
    for name, matrix in vectors.items():
        if "image" in name.lower():
            continue
        numbers = equal_rows(matrix)
        known = numbers[numbers >= 0]
        if len(np.unique(known)) < len(known):
            keys[f"key:{name}"] = [f"row {n}" if n >= 0 else "" for n in numbers]
    return keys


def equal_rows(matrix: Matrix | InMemory) -> np.ndarray:
    """For each row the number of the first row that equals it, -1 for rows of zeros: (n,) int64.

    Unit rows x, y are equal if |x - y| is below about 1e-5, and told apart from about 1e-3 on: their `PLANES`
    Gaussian projections, whose differences have a standard deviation of |x - y|, share a cell of the width
    `CELL`. A row within `NEAR` of the edge of a cell belongs to the next cell too, so no edge
    parts equal rows.
    """
    random = np.random.default_rng(0)
    planes = random.standard_normal((matrix.shape[1], PLANES))
    weights = random.integers(1, 2**62, PLANES) | 1  # a cell is the sum of its coordinates times these
    places = np.concatenate([block.astype(np.float64) @ planes for _, block in matrix.blocks()])
    rows = np.flatnonzero(places.any(axis=1))
    scaled = places[rows] / CELL
    whole = np.floor(scaled)
    share, near = scaled - whole, NEAR / CELL
    beside = np.where(share < near, -1, np.where(share > 1 - near, 1, 0))
    cells, owners = whole.astype(np.int64) @ weights, np.arange(len(rows))
    for plane in range(PLANES):
        more = np.flatnonzero(beside[owners, plane])
        moved = cells[more] + beside[owners[more], plane] * weights[plane]
        cells, owners = np.concatenate([cells, moved]), np.concatenate([owners, owners[more]])
    _, cell, count = np.unique(cells, return_inverse=True, return_counts=True)
    shared = count[cell] > 1
    edges = (owners[shared], len(rows) + cell[shared])
    size = len(rows) + len(count)
    joined = coo_array((np.ones(len(edges[0]), bool), edges), shape=(size, size))
    part = connected_components(joined, directed=False)[1][: len(rows)]
    _, first, group = np.unique(part, return_index=True, return_inverse=True)
    numbers = np.full(len(places), -1, dtype=np.int64)
    numbers[rows] = rows[first[group]]
    return numbers


def _first(columns: Columns, names: Sequence[str]) -> str:
    return next((n for n in names if n in columns), "")
