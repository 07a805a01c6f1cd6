"""UMAP layouts of embedding sets and what they distort, computed once in a worker and kept as derived files.

(umap compiles for seconds in every new process, so a page never runs it.)
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np

from analysis import projection
from analysis.neighbours import nearest
from analysis.projection import Graph, Map, Trust
from data import embeddings
from data.collection import STUDY_ID
from data.embeddings import EmbeddingSet
from data.errors import Refused
from data.workspace import SET, Workspace, write_atomically
from models.adapters import refuse_features

FILE = "layout-2.npz"
NEIGHBOURS = 15


@dataclass(frozen=True)
class Layout:
    """A set's map and how far it can be believed.

    maps        modality -> (n_studies, 2), NaN where the modality is missing
    distorted   modality -> (n_studies,) of bool: this point's neighbours on the map are not its own
    trust       of the whole map, over all modalities
    method      "umap" or "aligned"
    """

    maps: dict[str, np.ndarray]
    distorted: dict[str, np.ndarray]
    trust: Trust
    method: str

    def subset(self, rows: np.ndarray) -> Layout:
        """Some studies of it; `trust` stays that of the whole map."""
        maps, distorted = ({m: values[rows] for m, values in d.items()} for d in (self.maps, self.distorted))
        return replace(self, maps=maps, distorted=distorted)


def stacked(embedding_set: EmbeddingSet) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(all present vectors, modality -> rows of the set they belong to), modalities in order.

    Refused for features of separate backbones, which share no space.
    """
    refuse_features(embedding_set)
    where = {m: np.flatnonzero(embedding_set.present(m)) for m in embedding_set.modalities}
    vectors = [embedding_set.vectors[m][rows] for m, rows in where.items()]
    return np.concatenate(vectors), where


def unstack(values: np.ndarray, where: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """One value (or place) per stacked vector -> modality -> (n_studies, ...), NaN where it is missing."""
    parts, start = {}, 0
    for modality, rows in where.items():
        full = np.full((n, *values.shape[1:]), np.nan, np.float32)
        full[rows] = values[start : start + len(rows)]
        parts[modality] = full
        start += len(rows)
    return parts


def shown(xy: np.ndarray, trust: Trust, where: dict[str, np.ndarray], n: int, *, method: str) -> Layout:
    """A layout from what was found for the stacked vectors."""
    distorted = unstack(trust.distorted(), where, n)
    return Layout(unstack(xy, where, n), {m: d == 1 for m, d in distorted.items()}, trust, method)


def compute(workspace: Workspace, name: str, *, start: str = "") -> None:
    """Lay out a set; with `start`, warm-started from and turned onto that set's layout."""
    chosen = embeddings.load(workspace, name)
    vectors, where = stacked(chosen)
    _enough(vectors, name)
    graph = nearest(vectors, vectors, k=NEIGHBOURS + 1)  # the row itself is the first
    known = _start(workspace, start, chosen, where)
    result = projection.umap(vectors, neighbours=NEIGHBOURS, start=known, graph=graph)
    _keep(workspace, name, vectors, result, graph)


def align(workspace: Workspace, a: str, b: str) -> None:
    """Lay out two sets of the same studies together, so that what did not change stays in place (minutes).

    Refused unless both have the same studies with the same modalities.
    """
    (first, where), (second, there) = (stacked(embeddings.load(workspace, name)) for name in (a, b))
    _enough(first, a)
    if not _same_points(workspace, a, b, where, there):
        raise Refused(
            "different_studies",
            f"Maps are aligned for the same studies and modalities; {a!r} and {b!r} differ in them. "
            "Embed one collection with both checkpoints.",
        )
    pair = projection.aligned(first, second, neighbours=NEIGHBOURS)
    _keep(workspace, a, first, pair.a)
    _keep(workspace, b, second, pair.b)


def read(workspace: Workspace, name: str) -> Layout | None:
    """A set's layout, or None if it has not been computed."""
    path = workspace.derived(workspace.record(SET, name), FILE)
    if not path.is_file():
        return None
    chosen = embeddings.load(workspace, name)
    where = stacked(chosen)[1]
    with np.load(path, allow_pickle=False) as stored:
        trustworthiness, continuity = map(float, stored["overall"])
        k, measured = map(int, stored["counts"])
        trust = Trust(trustworthiness, continuity, stored["trust"], stored["continuity"], k, measured)
        return shown(stored["xy"], trust, where, len(chosen), method=str(stored["method"]))


def _enough(vectors: np.ndarray, name: str) -> None:
    if len(vectors) < projection.MIN_ROWS_UMAP:
        raise Refused(
            "too_few_rows",
            f"UMAP needs {projection.MIN_ROWS_UMAP} points or more, {name!r} has {len(vectors)}.",
        )


def _keep(
    workspace: Workspace, name: str, vectors: np.ndarray, result: Map, graph: Graph | None = None
) -> None:
    """Write a map, with what it distorts."""
    trust = projection.trust(vectors, result.xy, k=NEIGHBOURS, graph=graph)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        xy=result.xy,
        method=result.method,
        overall=[trust.trustworthiness, trust.continuity],
        trust=trust.per_point_trust.astype(np.float32),
        continuity=trust.per_point_continuity.astype(np.float32),
        counts=[trust.k, trust.measured],
    )
    write_atomically(workspace.derived(workspace.record(SET, name), FILE), buffer.getvalue())


def _start(
    workspace: Workspace, name: str, chosen: EmbeddingSet, where: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Where the other layout has the same points; None unless it has all of them."""
    known = read(workspace, name) if name else None
    if known is None or not set(where) <= set(known.maps):
        return None
    if not embeddings.load(workspace, name).rows[STUDY_ID].equals(chosen.rows[STUDY_ID]):
        return None
    points = np.concatenate([known.maps[m][rows] for m, rows in where.items()])
    return None if np.isnan(points).any() else points


def _same_points(
    workspace: Workspace, a: str, b: str, where: dict[str, np.ndarray], there: dict[str, np.ndarray]
) -> bool:
    first, second = (embeddings.load(workspace, name).rows[STUDY_ID] for name in (a, b))
    same = [*where] == [*there] and all(np.array_equal(where[m], there[m]) for m in where)
    return same and first.equals(second)
