"""Approximate indexes of embedding sets, by faiss: built once, kept as derived files, measured.

The one place that opens an index, and only one that was written here: its hash is checked first. What is
damaged is built again. An index finds candidates; the cosines are those of the rows themselves, read from
where they lie. Exact search needs no index; see `suture.analysis.retrieval.nearest.scan`.
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
EXACT_UP_TO = 200_000  # studies that are all looked at unless an index is asked for; above, IVF-PQ
RULE = f"every study is looked at up to {EXACT_UP_TO:,} of them, above an IVF-PQ index"
NAMES = {EXACT: "exact", HNSW: "HNSW", IVF: "IVF-PQ"}
RECALL_AT, SAMPLE = 10, 200
LINKS, BUILD_BREADTH, BREADTH = 32, 80, 128  # of HNSW: edges a node, candidates while building and asking
POINTS_A_LIST, LISTS_READ = 39, 1 / 8  # of IVF: what faiss wants for its k-means; share of lists looked into
NUMBERS_A_CODE = 8  # of PQ: dimensions told by one byte
CANDIDATES, SPARE = 10, 100  # scored by their rows: so many times k, and so many more
BLOCK = 16_384  # rows in memory at a time
GROWN = 2  # times as many items as the lists were made for: then they are made anew

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Index:
    """An index of the studies that have one modality.

    items    number in the index -> row of the set
    recall   modality that asks -> share of the exact 10 nearest that it finds: 200 queries of the set itself,
             a query that is among the items not counted as its own neighbour
    vectors  (n_studies, dim) of the set
    added    how many of the items were added to an index that was there, 0 = built as a whole
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
        _, found = self.faiss.search(queries, min(CANDIDATES * k + SPARE, len(self.items)))
        cosines, rows = np.full((len(queries), k), np.nan, np.float32), np.full((len(queries), k), -1)
        for query, numbers, c, r in zip(queries, found, cosines, rows, strict=True):
            near = np.sort(self.items[numbers[numbers >= 0]])
            scores = np.asarray(self.vectors[near], np.float32) @ query
            best = np.argsort(-scores, kind="stable")[:k]
            c[: len(best)], r[: len(best)] = scores[best], near[best]
        return cosines, rows


def check_kind(kind: str) -> None:
    """`Refused` for an index that there is not."""
    if kind not in KINDS:
        raise Refused("index_unknown", f"Expected one of {', '.join(KINDS)} as the index, got {kind!r}.")


def choose_kind(kind: str, studies: int) -> str:
    """What answers among so many studies: the kind itself, or what `RULE` says for "auto"."""
    check_kind(kind)
    return (EXACT if studies <= EXACT_UP_TO else IVF) if kind == AUTO else kind


def open_index(workspace: Workspace, part: EmbeddingSet, split: str, modality: str, kind: str) -> Index:
    """The index of a modality of a set's split.

    Where there is none, or a damaged one, it is built (minutes). Where one of another set holds the first of
    these very rows, the others are added to it.
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
    """What is known of an index, and the index, as they were written; or None: faiss is shown no byte that
    was not."""
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
    """An index of another set over the first of these very rows, and how many it was built for; or None."""
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
    """One hash of the rows of all items, as they lie there."""
    digest = hashlib.sha256(str(vectors.dtype).encode())
    for rows in _blocks(items):
        digest.update(np.ascontiguousarray(vectors[rows]).data)
    return digest.hexdigest()


def _blocks(items: np.ndarray) -> Iterator[np.ndarray]:
    return (items[start : start + BLOCK] for start in range(0, len(items), BLOCK))


def _trained(vectors: np.ndarray, items: np.ndarray, kind: str) -> Any:
    """An empty index that knows how the items lie, from a seeded sample of them."""
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
        index.pq.cp.min_points_per_centroid = 1  # few items have codes for each of them: that is no fault
        index.nprobe = max(1, round(lists * LISTS_READ))
        needed = max(lists * POINTS_A_LIST, POINTS_A_LIST << bits)
    some = seeded_sample(n, needed, 0)
    index.train(np.asarray(vectors[items[some]], np.float32))
    return index


def _recall(index: Index, part: EmbeddingSet, asks: str, modality: str) -> float:
    """Share of the exact nearest others that the index finds, over a seeded sample of the set's own rows."""
    rows = part.rows_with(asks)
    rows = np.sort(np.random.default_rng(0).choice(rows, min(SAMPLE, len(rows)), replace=False))
    queries = np.asarray(part.vectors[asks][rows], np.float32)
    own, k = int(asks == modality), min(RECALL_AT, len(index.items) - int(asks == modality))
    present = None if len(index.items) == len(part) else part.present(modality)
    exact = scan(queries, part.vectors[modality], k=k + own, present=present).rows
    _, found = index.search(queries, k + own)
    pairs = zip(exact, found, rows if own else np.full(len(rows), -1), strict=True)
    hits = [len({*e} & {*f} - {-1, r}) for e, f, r in pairs]
    return float(np.mean(np.minimum(hits, k)) / k) if k > 0 and hits else 1.0
