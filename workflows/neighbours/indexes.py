"""Approximate faiss indexes of embedding sets: built once, stored as derived files, with measured recall.

Only this module opens indexes, and only those it wrote: it checks their hash first and rebuilds damaged ones.
An index finds candidates; their cosines are computed from the stored rows. Exact search needs no index; see
`suture.analysis.retrieval.nearest.scan`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suture.analysis.retrieval.nearest import scan
from suture.analysis.statistics.bootstrap import seeded_sample
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.data.workspace import SET, Workspace, read_derived, write_derived

AUTO, EXACT, HNSW, IVF = KINDS = "auto", "exact", "hnsw", "ivf"
VERSION = 2
EXACT_UP_TO = 200_000  # studies up to which "auto" searches exactly; above, IVF-PQ
RULE = f"every study is looked at up to {EXACT_UP_TO:,} of them, above an IVF-PQ index"
NAMES = {EXACT: "exact", HNSW: "HNSW", IVF: "IVF-PQ"}
RECALL_AT, SAMPLE = 10, 200
LINKS, BUILD_BREADTH, BREADTH = 32, 80, 128  # of HNSW: edges per node, efConstruction, efSearch
POINTS_A_LIST, LISTS_READ = 39, 1 / 8  # of IVF: minimum points per list for k-means; fraction of lists probed
NUMBERS_A_CODE = 8  # of PQ: dimensions per byte
CANDIDATES, SPARE = 10, 100  # candidates scored exactly: CANDIDATES * k + SPARE
BLOCK = 16_384  # rows in memory at a time
GROWN = 2  # rebuild once there are more than this many times the items that the lists were trained for

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Index:
    """An index of the studies that have one modality.

    items    number in the index -> row of the set
    recall   query modality -> recall@10 against exact search, over 200 queries from the set itself; a query
             does not count as its own neighbour
    vectors  (n_studies, dim) of the set
    added    how many of the items were added to an existing index, 0 = built from scratch
    """

    kind: str
    items: np.ndarray
    recall: Mapping[str, float]
    faiss: Any
    vectors: np.ndarray
    added: int = 0

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(cosines, rows of the set), both (n_queries, k); NaN and -1 where fewer are found."""
        queries = np.ascontiguousarray(queries, np.float32)
        _, candidates = self.faiss.search(queries, min(CANDIDATES * k + SPARE, len(self.items)))
        cosines, rows = np.full((len(queries), k), np.nan, np.float32), np.full((len(queries), k), -1)
        for query, numbers, c, r in zip(queries, candidates, cosines, rows, strict=True):
            near = np.sort(self.items[numbers[numbers >= 0]])
            scores = np.asarray(self.vectors[near], np.float32) @ query
            best = np.argsort(-scores, kind="stable")[:k]
            c[: len(best)], r[: len(best)] = scores[best], near[best]
        return cosines, rows


def check_kind(kind: str) -> None:
    """`Refused` for an unknown kind of index."""
    if kind not in KINDS:
        raise Refused("index_unknown", f"Expected one of {', '.join(KINDS)} as the index, got {kind!r}.")


def choose_kind(kind: str, studies: int) -> str:
    """The kind of search for this many studies: the given kind, or for "auto" what `RULE` says."""
    check_kind(kind)
    return (EXACT if studies <= EXACT_UP_TO else IVF) if kind == AUTO else kind


def open_index(workspace: Workspace, part: EmbeddingSet, split: str, modality: str, kind: str) -> Index:
    """The index of one modality in one split of a set.

    A missing or damaged index is built (minutes). If the index of another set holds exactly the first of
    these rows, the remaining rows are added to it.
    """
    name = _file(part.modalities.index(modality), split, kind)
    path = workspace.derived(workspace.record(SET, part.name), name)
    items, vectors = part.rows_with(modality), part.vectors[modality]
    known = _kept(path)
    if known:
        about, index = known
        return Index(kind, items, about["recall"], index, vectors, about["added"])
    grown = _grown(workspace, name, vectors, items)
    index, built_for = grown or (_trained(vectors, items, kind), len(items))
    added = len(items) - index.ntotal if grown else 0
    for rows in _blocks(items[index.ntotal :]):
        index.add(np.asarray(vectors[rows], np.float32))
    whole = Index(kind, items, {}, index, vectors, added)
    recall = {asks: _recall(whole, part, asks, modality) for asks in part.modalities}
    about = {"recall": recall, "added": added, "built_for": built_for, "items": len(items)}
    _keep(path, {**about, "rows": _digest(vectors, items)}, index)
    return replace(whole, recall=recall)


def _file(number: int, split: str, kind: str) -> str:
    digest = hashlib.sha256(split.encode()).hexdigest()[:12]
    return f"index-v{VERSION}-{kind}-{number}-{digest}.faiss"


def _keep(path: Path, about: Mapping[str, Any], index: Any) -> None:
    import faiss

    write_derived(path, json.dumps(about).encode() + b"\n", faiss.serialize_index(index).data)


def _kept(path: Path) -> tuple[dict[str, Any], Any] | None:
    """Metadata and index as written, or None. faiss never parses bytes that fail the integrity check."""
    import faiss

    there = path.is_file()
    stored = read_derived(path)
    if stored is None:
        if there:
            log.warning("index_corrupt: a kept index is not as it was written; it is built again.")
        return None
    end = stored.index(b"\n")
    body = np.frombuffer(stored, np.uint8, offset=end + 1)
    return json.loads(stored[:end]), faiss.deserialize_index(body)


def _grown(workspace: Workspace, name: str, vectors: np.ndarray, items: np.ndarray) -> tuple[Any, int] | None:
    """An index of another set over the first of these rows, and how many rows it was built for; or None."""
    digests: dict[int, str] = {}
    for record in reversed(workspace.records(SET)):
        known = _kept(path) if (path := workspace.derived(record, name)).is_file() else None
        if known is None:
            continue
        about, index = known
        n = about["items"]
        if index.d != vectors.shape[1] or not n < len(items) <= GROWN * about["built_for"]:
            continue
        if n not in digests:
            digests[n] = _digest(vectors, items[:n])
        if digests[n] == about["rows"]:
            return index, about["built_for"]
    return None


def _digest(vectors: np.ndarray, items: np.ndarray) -> str:
    """A hash of the stored rows of all items."""
    digest = hashlib.sha256(str(vectors.dtype).encode())
    for rows in _blocks(items):
        digest.update(np.ascontiguousarray(vectors[rows]).data)
    return digest.hexdigest()


def _blocks(items: np.ndarray) -> Iterator[np.ndarray]:
    return (items[start : start + BLOCK] for start in range(0, len(items), BLOCK))


def _trained(vectors: np.ndarray, items: np.ndarray, kind: str) -> Any:
    """An empty index, trained on a seeded sample of the items."""
    import faiss

    n, dim = len(items), vectors.shape[1]
    index: Any
    if kind == HNSW:
        half: Any = faiss.ScalarQuantizer.QT_fp16
        index = faiss.IndexHNSWSQ(dim, half, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction, index.hnsw.efSearch = BUILD_BREADTH, BREADTH
        needed = 1
    else:
        lists = max(1, min(round(2 * n**0.5), n // POINTS_A_LIST))
        codes = max(m for m in range(1, max(dim // NUMBERS_A_CODE, 1) + 1) if dim % m == 0)
        flat, bits = faiss.IndexFlatIP(dim), min(8, int(np.log2(max(n, 2))))
        index = faiss.IndexIVFPQ(flat, dim, lists, codes, bits, faiss.METRIC_INNER_PRODUCT)
        index.pq.cp.min_points_per_centroid = 1  # fewer points than centroids are fine for small sets
        index.nprobe = max(1, round(lists * LISTS_READ))
        needed = max(lists * POINTS_A_LIST, POINTS_A_LIST << bits)
    some = seeded_sample(n, needed, 0)
    index.train(np.asarray(vectors[items[some]], np.float32))
    return index


def _recall(index: Index, part: EmbeddingSet, asks: str, modality: str) -> float:
    """Recall of the index against exact search, over a seeded sample of the set's own rows."""
    rows = part.rows_with(asks)
    rows = np.sort(np.random.default_rng(0).choice(rows, min(SAMPLE, len(rows)), replace=False))
    queries = np.asarray(part.vectors[asks][rows], np.float32)
    own, k = int(asks == modality), min(RECALL_AT, len(index.items) - int(asks == modality))
    present = None if len(index.items) == len(part) else part.present(modality)
    exact = scan(queries, part.vectors[modality], k=k + own, present=present).rows
    _, approximate = index.search(queries, k + own)
    pairs = zip(exact, approximate, rows if own else np.full(len(rows), -1), strict=True)
    hits = [len({*e} & {*f} - {-1, r}) for e, f, r in pairs]
    return float(np.mean(np.minimum(hits, k)) / k) if k > 0 and hits else 1.0
