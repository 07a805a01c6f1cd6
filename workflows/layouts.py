"""Two-dimensional layouts of embedding sets and their distortion, computed once and stored as derived files.

UMAP runs in a worker, never in a page, because it compiles for seconds in every new process. PCA runs where
it is requested, or in a worker if that would keep a user waiting (`is_quick_pca`). Above `WHOLE` points
UMAP lays out a seeded sample, and the other points are placed relative to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from suture.analysis import projection
from suture.analysis.math.row_stack import RowStack
from suture.analysis.projection import Graph, Map
from suture.analysis.retrieval.nearest import nearest
from suture.data.collection import STUDY_ID
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.scoring_rules import refuse_features
from suture.data.workspace import SET, Workspace, embedding_sets, read_derived, write_derived
from suture.workflows.layout_record import Layout, Placement, build_layout, from_bytes, to_bytes

FILE = "layout-2.npz"
NEIGHBOURS = 15
QUICK = 2_000  # points sampled to measure the trustworthiness of a map
AT_ONCE = 100_000  # maximum points of a PCA that a page computes while the user waits
WHOLE, SAMPLE = 100_000, 50_000  # maximum points that UMAP lays out; sample size above that
COMPARED, FEWEST = 1_000_000_000, 500  # maximum point pairs compared, minimum points, in that measurement
Report = Callable[[float], None]


def stacked(embedding_set: EmbeddingSet) -> tuple[RowStack, dict[str, np.ndarray]]:
    """(all present vectors, not copied; modality -> their rows in the set), in order.

    `Refused` for features of separate backbones, which share no space.
    """
    refuse_features(embedding_set)
    where = {m: np.flatnonzero(embedding_set.present(m)) for m in embedding_set.modalities}
    return RowStack([embedding_set.vectors[m] for m in where], [*where.values()]), where


def is_quick_pca(part: EmbeddingSet) -> bool:
    """Whether the PCA of a set is quick enough to compute while the user waits."""
    return len(part) * len(part.modalities) <= AT_ONCE


def pca_layout(
    workspace: Workspace, part: EmbeddingSet, *, limit: int = QUICK, progress: Report = lambda share: None
) -> Layout:
    """The PCA layout of a set or one split of it, cached.

    limit: maximum points to measure distortion on, a seeded sample if there are more; fewer for very large
    sets, so that at most 10^9 pairs are compared.
    """
    known = stored_pca_layout(workspace, part, limit=limit)
    if known is not None:
        return known
    vectors, where = stacked(part)
    result = projection.pca(vectors)
    progress(0.5)
    trust = projection.trust(vectors, result.xy, limit=_measured(len(vectors), limit))
    write_derived(_straight_path(workspace, part, limit), to_bytes(result, trust))
    return build_layout(result, trust, where, len(part))


def stored_pca_layout(workspace: Workspace, part: EmbeddingSet, *, limit: int = QUICK) -> Layout | None:
    """The cached PCA layout, or None."""
    stored = read_derived(_straight_path(workspace, part, limit))
    return None if stored is None else from_bytes(stored, part)


def _straight_path(workspace: Workspace, part: EmbeddingSet, limit: int) -> Path:
    record, studies = workspace.record(SET, part.name), "all"
    if len(part) != record.meta.n:
        studies = hashlib.sha256("\n".join(part.rows[STUDY_ID].astype(str)).encode()).hexdigest()[:12]
    return workspace.derived(record, f"pca-{studies}-{limit}.npz")


def _measured(points: int, limit: int) -> int:
    return min(limit, max(FEWEST, COMPARED // points))


def compute_umap(
    workspace: Workspace, name: str, *, start: str = "", progress: Report = lambda share: None
) -> None:
    """Lay out a set; with `start`, initialised from that set's layout and aligned to it."""
    chosen = embedding_sets.load(workspace, name)
    vectors, where = stacked(chosen)
    _enough(vectors, name)
    known = _start(workspace, start, chosen, where)
    if len(vectors) > WHOLE:
        return _compute_sampled(workspace, name, vectors, known, progress)
    rows = vectors.take(np.arange(len(vectors)))
    graph = nearest(rows, rows, k=NEIGHBOURS + 1)  # the first is the row itself
    result = projection.umap(rows, neighbours=NEIGHBOURS, start=known, graph=graph)
    _keep(workspace, name, vectors, result, graph)


def _compute_sampled(
    workspace: Workspace, name: str, vectors: RowStack, start: np.ndarray | None, progress: Report
) -> None:
    """Lay out a sample, place the other points, and measure both against all points."""
    result = projection.sampled_umap(
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
    placing = Placement(len(result.laid_out), len(others), placed, result.recall)
    path = workspace.derived(workspace.record(SET, name), FILE)
    write_derived(path, to_bytes(Map(result.xy, "umap"), laid, placing))


def align(workspace: Workspace, a: str, b: str) -> None:
    """Lay out two sets of the same studies together, so that unchanged studies stay in place (minutes).

    `Refused` unless both have the same studies with the same modalities.
    """
    (first, where), (second, there) = (stacked(embedding_sets.load(workspace, name)) for name in (a, b))
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
    pair = projection.aligned_umaps(*rows, neighbours=NEIGHBOURS)
    _keep(workspace, a, first, pair.a)
    _keep(workspace, b, second, pair.b)


def stored_umap_layout(workspace: Workspace, name: str) -> Layout | None:
    """A set's layout, or None if it has not been computed."""
    path = workspace.derived(workspace.record(SET, name), FILE)
    stored = read_derived(path)
    return None if stored is None else from_bytes(stored, embedding_sets.load(workspace, name))


def _enough(vectors: RowStack, name: str) -> None:
    if len(vectors) < projection.MIN_ROWS_UMAP:
        raise Refused(
            "too_few_rows",
            f"UMAP needs {projection.MIN_ROWS_UMAP} points or more, {name!r} has {len(vectors)}.",
        )


def _keep(
    workspace: Workspace, name: str, vectors: RowStack, result: Map, graph: Graph | None = None
) -> None:
    """Store a map together with its distortion."""
    trust = projection.trust(vectors, result.xy, k=NEIGHBOURS, graph=graph)
    path = workspace.derived(workspace.record(SET, name), FILE)
    write_derived(path, to_bytes(result, trust))


def _start(
    workspace: Workspace, name: str, chosen: EmbeddingSet, where: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Positions of the same points in the other set's layout; None unless it has all of them."""
    known = stored_umap_layout(workspace, name) if name else None
    if known is None or not set(where) <= set(known.maps):
        return None
    if not embedding_sets.load(workspace, name).rows[STUDY_ID].equals(chosen.rows[STUDY_ID]):
        return None
    points = np.concatenate([known.maps[m][rows] for m, rows in where.items()])
    return None if np.isnan(points).any() else points


def _same_points(
    workspace: Workspace, a: str, b: str, where: dict[str, np.ndarray], there: dict[str, np.ndarray]
) -> bool:
    first, second = (embedding_sets.load(workspace, name).rows[STUDY_ID] for name in (a, b))
    same = [*where] == [*there] and all(np.array_equal(where[m], there[m]) for m in where)
    return same and first.equals(second)
