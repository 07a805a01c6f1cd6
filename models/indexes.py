"""Approximate indexes of embedding sets, by faiss: built once, kept as derived files, measured.

The one place that opens an index, and only one that was written here: its hash is checked first. What is
damaged is built again. Exact search needs no index; see `analysis.neighbours.scan`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.neighbours import scan
from data.embeddings import EmbeddingSet
from data.errors import Refused
from data.workspace import SET, Workspace, keep, kept

EXACT, HNSW, IVF = KINDS = "exact", "hnsw", "ivf"
VERSION = 1
RECALL_AT, SAMPLE = 10, 200
LINKS, BUILD_BREADTH, BREADTH = 32, 80, 128  # of HNSW: edges a node, candidates while building and asking
POINTS_A_LIST, LISTS_READ = 39, 1 / 8  # of IVF: what faiss wants for its k-means; share of lists looked into

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Index:
    """An index of the studies that have one modality.

    items   number in the index -> row of the set
    recall  modality that asks -> share of the exact 10 nearest that it finds: 200 queries of the set itself,
            a query that is among the items not counted as its own neighbour
    """

    kind: str
    items: np.ndarray
    recall: Mapping[str, float]
    faiss: Any

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(cosines, rows of the set), both (n_queries, k); NaN and -1 where fewer are found."""
        cosines, found = self.faiss.search(np.ascontiguousarray(queries, np.float32), k)
        missing = found < 0
        return np.where(missing, np.nan, cosines), np.where(missing, -1, self.items[found])


def check_kind(kind: str) -> None:
    """`Refused` for an index that there is not."""
    if kind not in KINDS:
        raise Refused("index_unknown", f"Expected one of {', '.join(KINDS)} as the index, got {kind!r}.")


def opened(workspace: Workspace, part: EmbeddingSet, split: str, modality: str, kind: str) -> Index:
    """The index of a modality of a set's split, built where there is none or a damaged one (minutes)."""
    number = part.modalities.index(modality)
    digest = hashlib.sha256(split.encode()).hexdigest()[:12]
    record = workspace.record(SET, part.name)
    path = workspace.derived(record, f"index-v{VERSION}-{kind}-{number}-{digest}.faiss")
    items = part.rows_with(modality)
    recall, index = _kept(path) or _build(path, part, modality, items, kind)
    return Index(kind, items, recall, index)


def _kept(path: Path) -> tuple[dict[str, float], Any] | None:
    """Recall and index as they were written, or None: faiss is shown no byte that was not."""
    import faiss

    there = path.is_file()
    stored = kept(path)
    if stored is None:
        if there:
            log.warning("index_corrupt: a kept index is not as it was written; it is built again.")
        return None
    end = stored.index(b"\n")
    body = np.frombuffer(stored, np.uint8, offset=end + 1)
    return json.loads(stored[:end]), faiss.deserialize_index(body)


def _build(
    path: Path, part: EmbeddingSet, modality: str, items: np.ndarray, kind: str
) -> tuple[dict[str, float], Any]:
    import faiss

    vectors = np.ascontiguousarray(part.vectors[modality], np.float32)
    vectors = vectors if len(items) == len(vectors) else vectors[items]
    index = _filled(vectors, kind)
    recall = {asks: _recall(index, part, asks, modality, items) for asks in part.modalities}
    keep(path, json.dumps(recall).encode() + b"\n" + faiss.serialize_index(index).tobytes())
    return recall, index


def _filled(vectors: np.ndarray, kind: str) -> Any:
    import faiss

    n, dim = vectors.shape
    index: Any
    if kind == HNSW:
        index = faiss.IndexHNSWFlat(dim, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction, index.hnsw.efSearch = BUILD_BREADTH, BREADTH
    else:
        lists = max(1, min(round(4 * n**0.5), n // POINTS_A_LIST))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = max(1, round(lists * LISTS_READ))
        index.train(vectors)
    index.add(vectors)
    return index


def _recall(index: Any, part: EmbeddingSet, asks: str, modality: str, items: np.ndarray) -> float:
    """Share of the exact nearest others that the index finds, over a seeded sample of the set's own rows."""
    rows = part.rows_with(asks)
    rows = np.sort(np.random.default_rng(0).choice(rows, min(SAMPLE, len(rows)), replace=False))
    queries = np.asarray(part.vectors[asks][rows], np.float32)
    own, k = int(asks == modality), min(RECALL_AT, len(items) - int(asks == modality))
    present = None if len(items) == len(part) else part.present(modality)
    exact = scan(queries, part.vectors[modality], k=k + own, present=present).rows
    _, found = index.search(queries, k + own)
    found = np.where(found < 0, -1, items[found])
    pairs = zip(exact, found, rows if own else np.full(len(rows), -1), strict=True)
    hits = [len({*e} & {*f} - {-1, r}) for e, f, r in pairs]
    return float(np.mean(np.minimum(hits, k)) / k) if k > 0 and hits else 1.0
