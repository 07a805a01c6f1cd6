"""Layouts of embedding sets and what they distort, computed once and kept as derived files.

UMAP is laid out in a worker: it compiles for seconds in every new process, so a page never runs it. PCA is
laid out where it is asked for, or in a worker where that takes longer than a person waits (`at_once`). Of
more than `WHOLE` points UMAP lays out a seeded sample, which places the others.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis import projection
from analysis.neighbours import nearest
from analysis.projection import Graph, Map, Trust
from analysis.stack import Stack
from data import embeddings
from data.collection import STUDY_ID
from data.embeddings import EmbeddingSet
from data.errors import Refused
from data.workspace import SET, Workspace, keep, kept
from models.adapters import refuse_features

FILE = "layout-2.npz"
NEIGHBOURS = 15
QUICK = 2_000  # points measured for how far a map can be believed as a whole
AT_ONCE = 100_000  # points of which a page makes the PCA while a person waits
WHOLE, SAMPLE = 100_000, 50_000  # points that UMAP lays out; of more, a sample
COMPARED, FEWEST = 1_000_000_000, 500  # pairs of points looked at for that, and points measured at least
Report = Callable[[float], None]


@dataclass(frozen=True)
class Placing:
    """What is known of a map on which UMAP laid out a seeded sample and placed the other points by it.

    laid_out   number of points laid out; `Layout.trust` is measured on some of these, against all points
    placed     number of those placed
    trust      measured on some of the placed, against all points
    recall     share of the true neighbours in the sample by which they were placed
    """

    laid_out: int
    placed: int
    trust: Trust
    recall: float


@dataclass(frozen=True)
class Layout:
    """A set's map and how far it can be believed.

    maps        modality -> (n_studies, 2), NaN where the modality is missing
    belief      modality -> (n_studies,) the lower of each point's trustworthiness and continuity, 0..1,
                1 = its neighbours on the map are its own; NaN = not measured
    trust       of the whole map, over all modalities; of the points laid out, where others were placed
    method      "pca", "umap" or "aligned"
    explained   share of variance of each axis (PCA), or empty
    placing     None where all points were laid out
    """

    maps: dict[str, np.ndarray]
    belief: dict[str, np.ndarray]
    trust: Trust
    method: str
    explained: tuple[float, ...] = ()
    placing: Placing | None = None

    @property
    def points(self) -> int:
        """Number of points of the whole map."""
        return len(self.trust.per_point_trust)

    @property
    def distorted(self) -> dict[str, np.ndarray]:
        """modality -> (n_studies,) of bool: this point's neighbours on the map are not its own."""
        return {m: belief < projection.DISTORTED for m, belief in self.belief.items()}

    def subset(self, rows: np.ndarray) -> Layout:
        """Some studies of it; `trust` stays that of the whole map."""
        maps, belief = ({m: values[rows] for m, values in d.items()} for d in (self.maps, self.belief))
        return replace(self, maps=maps, belief=belief)


def stacked(embedding_set: EmbeddingSet) -> tuple[Stack, dict[str, np.ndarray]]:
    """(all present vectors, which stay where they are; modality -> their rows of the set), in order.

    Refused for features of separate backbones, which share no space.
    """
    refuse_features(embedding_set)
    where = {m: np.flatnonzero(embedding_set.present(m)) for m in embedding_set.modalities}
    return Stack([embedding_set.vectors[m] for m in where], [*where.values()]), where


def unstack(values: np.ndarray, where: dict[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """One value (or place) per stacked vector -> modality -> (n_studies, ...), NaN where it is missing."""
    parts, start = {}, 0
    for modality, rows in where.items():
        full = np.full((n, *values.shape[1:]), np.nan, np.float32)
        full[rows] = values[start : start + len(rows)]
        parts[modality] = full
        start += len(rows)
    return parts


def shown(
    found: Map, trust: Trust, where: dict[str, np.ndarray], n: int, placing: Placing | None = None
) -> Layout:
    """A layout from what was found for the stacked vectors."""
    belief = np.fmin(trust.per_point_trust, trust.per_point_continuity)
    if placing is not None:
        belief = np.fmin(belief, np.fmin(placing.trust.per_point_trust, placing.trust.per_point_continuity))
    maps, beliefs = unstack(found.xy, where, n), unstack(belief, where, n)
    return Layout(maps, beliefs, trust, found.method, found.explained, placing)


def at_once(part: EmbeddingSet) -> bool:
    """Whether the PCA of a set takes no longer than a person waits."""
    return len(part) * len(part.modalities) <= AT_ONCE


def straight(
    workspace: Workspace, part: EmbeddingSet, *, limit: int = QUICK, progress: Report = lambda share: None
) -> Layout:
    """The PCA layout of a set or one split of it, kept once it was made.

    limit: points that are measured for what the map distorts, a seeded sample above it; of very many points
    fewer, so that no more than 10^9 pairs are looked at.
    """
    known = straight_kept(workspace, part, limit=limit)
    if known is not None:
        return known
    vectors, where = stacked(part)
    found = projection.pca(vectors)
    progress(0.5)
    trust = projection.trust(vectors, found.xy, limit=_measured(len(vectors), limit))
    keep(_straight_path(workspace, part, limit), _packed(found, trust))
    return shown(found, trust, where, len(part))


def straight_kept(workspace: Workspace, part: EmbeddingSet, *, limit: int = QUICK) -> Layout | None:
    """The same if it was made before, else None."""
    stored = kept(_straight_path(workspace, part, limit))
    return None if stored is None else _stored(stored, part)


def _straight_path(workspace: Workspace, part: EmbeddingSet, limit: int) -> Path:
    record, studies = workspace.record(SET, part.name), "all"
    if len(part) != record.meta.get("n"):
        studies = hashlib.sha256("\n".join(part.rows[STUDY_ID].astype(str)).encode()).hexdigest()[:12]
    return workspace.derived(record, f"pca-{studies}-{limit}.npz")


def _measured(points: int, limit: int) -> int:
    return min(limit, max(FEWEST, COMPARED // points))


def compute(
    workspace: Workspace, name: str, *, start: str = "", progress: Report = lambda share: None
) -> None:
    """Lay out a set; with `start`, warm-started from and turned onto that set's layout."""
    chosen = embeddings.load(workspace, name)
    vectors, where = stacked(chosen)
    _enough(vectors, name)
    known = _start(workspace, start, chosen, where)
    if len(vectors) > WHOLE:
        return _compute_sampled(workspace, name, vectors, known, progress)
    rows = vectors.take(np.arange(len(vectors)))
    graph = nearest(rows, rows, k=NEIGHBOURS + 1)  # the row itself is the first
    result = projection.umap(rows, neighbours=NEIGHBOURS, start=known, graph=graph)
    _keep(workspace, name, vectors, result, graph)


def _compute_sampled(
    workspace: Workspace, name: str, vectors: Stack, start: np.ndarray | None, progress: Report
) -> None:
    """Lay out a sample, place the others, and measure both against all points."""
    result = projection.sampled(
        vectors,
        sample=SAMPLE,
        neighbours=NEIGHBOURS,
        start=start,
        progress=lambda share: progress(0.8 * share),
    )
    others = np.setdiff1d(np.arange(len(vectors)), result.laid_out, assume_unique=True)
    some = _measured(len(vectors), QUICK)
    laid, placed = (
        projection.trust(vectors, result.xy, k=NEIGHBOURS, limit=some, among=rows)
        for rows in (result.laid_out, others)
    )
    placing = Placing(len(result.laid_out), len(others), placed, result.recall)
    path = workspace.derived(workspace.record(SET, name), FILE)
    keep(path, _packed(Map(result.xy, "umap"), laid, placing))


def align(workspace: Workspace, a: str, b: str) -> None:
    """Lay out two sets of the same studies together, so that what did not change stays in place (minutes).

    Refused unless both have the same studies with the same modalities.
    """
    (first, where), (second, there) = (stacked(embeddings.load(workspace, name)) for name in (a, b))
    _enough(first, a)
    if len(first) > WHOLE:
        raise Refused(
            "too_many_rows",
            f"Maps are aligned up to {WHOLE:,} points, {a!r} has {len(first):,}. B's begins from A's anyway.",
        )
    if not _same_points(workspace, a, b, where, there):
        raise Refused(
            "different_studies",
            f"Maps are aligned for the same studies and modalities; {a!r} and {b!r} differ in them. "
            "Embed one collection with both checkpoints.",
        )
    rows = (vectors.take(np.arange(len(vectors))) for vectors in (first, second))
    pair = projection.aligned(*rows, neighbours=NEIGHBOURS)
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
        trust = _trust_of(stored, "")
        placing = None
        if "placing" in stored:
            laid_out, placed, recall = stored["placing"]
            placing = Placing(int(laid_out), int(placed), _trust_of(stored, "placed-"), float(recall))
        explained = tuple(map(float, stored["explained"])) if "explained" in stored else ()
        found = Map(stored["xy"], str(stored["method"]), explained)
    return shown(found, trust, where, len(chosen), placing)


def _trust_of(stored: Mapping[str, np.ndarray], of: str) -> Trust:
    trustworthiness, continuity = map(float, stored[f"{of}overall"])
    k, measured = map(int, stored[f"{of}counts"])
    return Trust(trustworthiness, continuity, stored[f"{of}trust"], stored[f"{of}continuity"], k, measured)


def _enough(vectors: Stack, name: str) -> None:
    if len(vectors) < projection.MIN_ROWS_UMAP:
        raise Refused(
            "too_few_rows",
            f"UMAP needs {projection.MIN_ROWS_UMAP} points or more, {name!r} has {len(vectors)}.",
        )


def _keep(workspace: Workspace, name: str, vectors: Stack, result: Map, graph: Graph | None = None) -> None:
    """Write a map, with what it distorts."""
    trust = projection.trust(vectors, result.xy, k=NEIGHBOURS, graph=graph)
    path = workspace.derived(workspace.record(SET, name), FILE)
    keep(path, _packed(result, trust))


def _packed(result: Map, trust: Trust, placing: Placing | None = None) -> bytes:
    more = {}
    if placing is not None:
        more = {
            "placing": [placing.laid_out, placing.placed, placing.recall],
            **_parts(placing.trust, "placed-"),
        }
    buffer = io.BytesIO()
    np.savez(
        buffer, xy=result.xy, method=result.method, explained=result.explained, **_parts(trust, ""), **more
    )
    return buffer.getvalue()


def _parts(trust: Trust, of: str) -> dict[str, Any]:
    return {
        f"{of}overall": [trust.trustworthiness, trust.continuity],
        f"{of}trust": trust.per_point_trust.astype(np.float32),
        f"{of}continuity": trust.per_point_continuity.astype(np.float32),
        f"{of}counts": [trust.k, trust.measured],
    }


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
