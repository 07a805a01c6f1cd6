"""UMAP layouts of embedding sets, computed once in a worker and kept as derived files.

(umap compiles for seconds in every new process, so a page never runs it.)
"""

from __future__ import annotations

import io

import numpy as np

from analysis import projection
from data import embeddings
from data.collection import STUDY_ID
from data.embeddings import EmbeddingSet
from data.errors import Refused
from data.workspace import SET, Workspace, write_atomically
from models.adapters import refuse_features

FILE = "umap.npz"


def stacked(embedding_set: EmbeddingSet) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(all present vectors, modality -> rows of the set they belong to), modalities in order.

    Refused for features of separate backbones, which share no space.
    """
    refuse_features(embedding_set)
    where = {m: np.flatnonzero(embedding_set.present(m)) for m in embedding_set.modalities}
    vectors = [embedding_set.vectors[m][rows] for m, rows in where.items()]
    return np.concatenate(vectors), where


def unstack(xy: np.ndarray, where: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """modality -> (n_studies, 2), NaN where the modality is missing."""
    maps, start = {}, 0
    for modality, rows in where.items():
        full = np.full((n, 2), np.nan, np.float32)
        full[rows] = xy[start : start + len(rows)]
        maps[modality] = full
        start += len(rows)
    return maps


def compute(workspace: Workspace, name: str, *, start: str = "") -> None:
    """Lay out a set; with `start`, warm-started from and rotated onto that set's layout."""
    chosen = embeddings.load(workspace, name)
    vectors, where = stacked(chosen)
    if len(vectors) < projection.MIN_ROWS_UMAP:
        raise Refused(
            "too_few_rows",
            f"UMAP needs {projection.MIN_ROWS_UMAP} points or more, {name!r} has {len(vectors)}.",
        )
    xy = projection.umap(vectors, start=_start(workspace, start, chosen, where)).xy
    buffer = io.BytesIO()
    np.savez(buffer, xy=xy)
    write_atomically(workspace.derived(workspace.record(SET, name), FILE), buffer.getvalue())


def _start(
    workspace: Workspace, name: str, chosen: EmbeddingSet, where: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Where the other layout has the same points; None unless it has all of them."""
    known = read(workspace, name) if name else None
    if known is None or not set(where) <= set(known):
        return None
    if not embeddings.load(workspace, name).rows[STUDY_ID].equals(chosen.rows[STUDY_ID]):
        return None
    points = np.concatenate([known[m][rows] for m, rows in where.items()])
    return None if np.isnan(points).any() else points


def read(workspace: Workspace, name: str) -> dict[str, np.ndarray] | None:
    """modality -> (n_studies, 2), or None if the layout has not been computed."""
    path = workspace.derived(workspace.record(SET, name), FILE)
    if not path.is_file():
        return None
    chosen = embeddings.load(workspace, name)
    where = stacked(chosen)[1]
    with np.load(path, allow_pickle=False) as stored:
        return unstack(stored["xy"], where, len(chosen))
