"""Layouts of embedding sets and what they distort, computed once and kept as derived files.

UMAP is laid out in a worker: it compiles for seconds in every new process, so a page never runs it. PCA is
laid out where it is asked for.
"""

from __future__ import annotations

import hashlib
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
from data.workspace import SET, Workspace, keep, kept
from models.adapters import refuse_features

FILE = "layout-2.npz"
NEIGHBOURS = 15
QUICK = 2_000  # points measured for how far a map can be believed as a whole


@dataclass(frozen=True)
class Layout:
    """A set's map and how far it can be believed.

    maps        modality -> (n_studies, 2), NaN where the modality is missing
    belief      modality -> (n_studies,) the lower of each point's trustworthiness and continuity, 0..1,
                1 = its neighbours on the map are its own; NaN = not measured
    trust       of the whole map, over all modalities
    method      "pca", "umap" or "aligned"
    explained   share of variance of each axis (PCA), or empty
    """

    maps: dict[str, np.ndarray]
    belief: dict[str, np.ndarray]
    trust: Trust
    method: str
    explained: tuple[float, ...] = ()

    @property
    def distorted(self) -> dict[str, np.ndarray]:
        """modality -> (n_studies,) of bool: this point's neighbours on the map are not its own."""
        return {m: belief < projection.DISTORTED for m, belief in self.belief.items()}

    def subset(self, rows: np.ndarray) -> Layout:
        """Some studies of it; `trust` stays that of the whole map."""
        maps, belief = ({m: values[rows] for m, values in d.items()} for d in (self.maps, self.belief))
        return replace(self, maps=maps, belief=belief)


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


def shown(found: Map, trust: Trust, where: dict[str, np.ndarray], n: int) -> Layout:
    """A layout from what was found for the stacked vectors."""
    belief = np.fmin(trust.per_point_trust, trust.per_point_continuity)
    return Layout(
        unstack(found.xy, where, n), unstack(belief, where, n), trust, found.method, found.explained
    )


def straight(workspace: Workspace, part: EmbeddingSet, *, limit: int = QUICK) -> Layout:
    """The PCA layout of a set or one split of it, kept once it was made.

    limit: points that are measured for what the map distorts, a seeded sample above it.
    """
    studies = hashlib.sha256("\n".join(part.rows[STUDY_ID].astype(str)).encode()).hexdigest()[:12]
    path = workspace.derived(workspace.record(SET, part.name), f"pca-{studies}-{limit}.npz")
    stored = kept(path)
    if stored is not None:
        return _stored(stored, part)
    vectors, where = stacked(part)
    found = projection.pca(vectors)
    trust = projection.trust(vectors, found.xy, limit=limit)
    keep(path, _packed(found, trust))
    return shown(found, trust, where, len(part))


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
    stored = kept(path)
    return None if stored is None else _stored(stored, embeddings.load(workspace, name))


def _stored(content: bytes, chosen: EmbeddingSet) -> Layout:
    where = {m: np.flatnonzero(chosen.present(m)) for m in chosen.modalities}
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        trustworthiness, continuity = map(float, stored["overall"])
        k, measured = map(int, stored["counts"])
        trust = Trust(trustworthiness, continuity, stored["trust"], stored["continuity"], k, measured)
        explained = tuple(map(float, stored["explained"])) if "explained" in stored else ()
        return shown(Map(stored["xy"], str(stored["method"]), explained), trust, where, len(chosen))


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
    path = workspace.derived(workspace.record(SET, name), FILE)
    keep(path, _packed(result, trust))


def _packed(result: Map, trust: Trust) -> bytes:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        xy=result.xy,
        method=result.method,
        explained=result.explained,
        overall=[trust.trustworthiness, trust.continuity],
        trust=trust.per_point_trust.astype(np.float32),
        continuity=trust.per_point_continuity.astype(np.float32),
        counts=[trust.k, trust.measured],
    )
    return buffer.getvalue()


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
