"""Collection x checkpoint -> embedding set: decoded ahead of the encoder, kept in resumable parts.

A killed run goes on from its last published part and ends with the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from torch import Tensor

from data import embeddings, store
from data.collection import Collection, Modality
from data.errors import Refused
from data.images import ImagePack
from data.workspace import COLLECTION, SET, Record, Workspace, check_name, write_atomically
from models import registry
from models.ahead import ahead
from models.encoders import Checkpoint, Encoder

BATCH = 32
PART = 1024  # rows published at once
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Run:
    """What an embedding run came to. `reused` = nothing had changed and nothing was computed.

    truncated: modality -> number of distinct texts that were longer than the context.
    """

    name: str
    reused: bool
    n: int
    truncated: dict[str, int]


def embed(
    workspace: Workspace,
    collection_name: str,
    checkpoint_name: str,
    *,
    name: str = "",
    device: str = "auto",
    batch: int = BATCH,
    progress: Progress | None = None,
) -> Run:
    """Embed every modality that the checkpoint has an encoder for.

    name      of the embedding set; default "<collection> @ <checkpoint>" (as "x @ y")
    progress  called with (rows done, rows in all, modality)

    Raises `NotFound` for unknown names and `Refused` if the name is taken by something else.
    """
    collection = store.load(workspace, collection_name)
    source = workspace.record(COLLECTION, collection_name)
    weights = registry.ensure(workspace, checkpoint_name)
    name = name or default_name(collection_name, checkpoint_name)
    check_name(name)
    parts = _parts_folder(workspace, source, weights)
    with FileLock(parts.with_suffix(".lock")):  # a second run of the same pair waits for the first
        done = _unchanged(workspace, name, source, weights)
        if done is not None:
            shutil.rmtree(parts, ignore_errors=True)  # left if a process died between saving and this
            return Run(name, True, len(collection), done.meta["truncated"])
        workspace.refuse_taken(SET, name)
        checkpoint = registry.load(workspace, checkpoint_name, device=device)
        work = Work(collection, store.image_pack(workspace, collection_name), checkpoint, parts, batch)
        _refuse_unpaired(work)
        rows = len(collection) * len(work.modalities)
        workspace.require_space(2 * rows * checkpoint.dim * 4)  # float32, as parts and as the set
        workspace.parts(parts, source, weights)
        vectors, truncated = work.run(progress)
        meta = _provenance(collection, source, weights, checkpoint, truncated, batch)
        embeddings.save(workspace, name, vectors, embeddings.identity_rows(collection), meta)
        shutil.rmtree(parts, ignore_errors=True)
    return Run(name, False, len(collection), truncated)


def default_name(collection: str, checkpoint: str) -> str:
    """What an embedding set is called unless somebody names it."""
    return f"{collection} @ {checkpoint}"


def _unchanged(workspace: Workspace, name: str, source: Record, weights: Record) -> Record | None:
    if not workspace.has(SET, name):
        return None
    record = workspace.record(SET, name)
    same = record.meta.get("collection_hash") == source.fingerprint
    return record if same and record.meta.get("checkpoint_hash") == weights.fingerprint else None


def _parts_folder(workspace: Workspace, source: Record, weights: Record) -> Path:
    key = hashlib.sha256(f"{source.fingerprint}:{weights.fingerprint}".encode()).hexdigest()[:32]
    return workspace.home / "parts" / key


def _refuse_unpaired(work: Work) -> None:
    if len(work.modalities) < 2:
        names = ", ".join(f"{m.name} ({m.kind})" for m in work.collection.modalities)
        raise Refused(
            "modalities_missing",
            f"A gap needs two modalities that {work.checkpoint.name!r} can embed; it has encoders for "
            f"{', '.join(work.checkpoint.encoders)}, the collection has {names}.",
        )


class Work:
    """One run over all modalities of a collection that a checkpoint can embed. The folder `parts` exists."""

    def __init__(
        self,
        collection: Collection,
        pack: ImagePack | None,
        checkpoint: Checkpoint,
        parts: Path,
        batch: int,
    ) -> None:
        self.collection, self.pack, self.checkpoint = collection, pack, checkpoint
        self.parts, self.batch = parts, batch
        self.modalities = [m for m in collection.modalities if checkpoint.can_embed(m.kind)]

    def run(self, progress: Progress | None) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """(modality -> unit rows, zeros where it is missing; modality -> texts that were too long)."""
        items = {m.name: self._items(m) for m in self.modalities}
        total = sum(len(values) for values, _, _ in items.values())
        done, vectors, truncated = 0, {}, {}
        for number, modality in enumerate(self.modalities):
            values, rows, which = items[modality.name]
            parts, truncated[modality.name] = [], 0
            for start in range(0, len(values), PART):

                def report(count: int, before: int = done + start, name: str = modality.name) -> None:
                    if progress:
                        progress(before + count, total, name)

                part, cut = self._part(number, start, modality, values[start : start + PART], report)
                parts.append(part)
                truncated[modality.name] += cut
                report(len(part))
            done += len(values)
            matrix = np.zeros((len(self.collection), self.checkpoint.dim), np.float32)
            matrix[rows] = np.concatenate(parts)[which]
            vectors[modality.name] = matrix
        return vectors, truncated

    def _items(self, modality: Modality) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(what to encode, rows of the collection, which item each row has).

        A text that several studies share is encoded once, so that its vectors are equal to the bit.
        """
        rows = np.flatnonzero(self.collection.present(modality))
        if modality.kind == "tabular":
            records = self.collection.table[list(modality.columns)].iloc[rows].to_dict("records")
            values = np.empty(len(rows), dtype=object)
            values[:] = records
            return values, rows, np.arange(len(rows))
        column = self.collection.table[modality.columns[0]].to_numpy()[rows]
        if modality.kind == "image":
            return column, rows, np.arange(len(rows))
        values, which = np.unique(column.astype(object), return_inverse=True)
        return values, rows, which

    def _part(
        self,
        number: int,
        start: int,
        modality: Modality,
        values: np.ndarray,
        report: Callable[[int], None],
    ) -> tuple[np.ndarray, int]:
        """Vectors of some items: read if they were published before, else computed and published."""
        path = self.parts / f"{number}-{start:09d}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                return stored["vectors"], int(stored["truncated"])
        vectors, cut = [], 0
        encoder = self.checkpoint.encoders[modality.kind]
        for batch, too_long in prepared(encoder, self._batches(modality, values)):
            vectors.append(encoder.encode(batch).numpy())
            cut += too_long
            report(sum(map(len, vectors)))
        matrix = np.concatenate(vectors)
        buffer = io.BytesIO()
        np.savez(buffer, vectors=matrix, truncated=cut)
        write_atomically(path, buffer.getvalue())
        return matrix, cut

    def _batches(self, modality: Modality, values: np.ndarray) -> Iterator[Callable[[], list[Any]]]:
        for start in range(0, len(values), self.batch):
            yield partial(self._load, modality, values[start : start + self.batch])

    def _load(self, modality: Modality, values: np.ndarray) -> list[Any]:
        if modality.kind == "image":
            assert self.pack is not None
            return self.pack.decode_many(map(int, values))
        return values.tolist()


def prepared(encoder: Encoder, batches: Iterable[Callable[[], list[Any]]]) -> Iterator[tuple[Tensor, int]]:
    """Batches ready for the encoder, made by threads while the encoder works on earlier ones."""
    return ahead(partial(_prepare, encoder, values) for values in batches)


def _prepare(encoder: Encoder, values: Callable[[], list[Any]]) -> tuple[Tensor, int]:
    return encoder.prepare(values())


def _provenance(
    collection: Collection,
    source: Record,
    weights: Record,
    checkpoint: Checkpoint,
    truncated: dict[str, int],
    batch: int,
) -> dict[str, Any]:
    packages = ("torch", "open_clip_torch", "numpy", "pillow")
    return {
        "n": len(collection),
        "dim": checkpoint.dim,
        "collection": collection.name,
        "collection_id": source.id,
        "collection_hash": source.fingerprint,
        "checkpoint": checkpoint.name,
        "checkpoint_id": weights.id,
        "checkpoint_hash": weights.fingerprint,
        "truncated": truncated,
        "batch": batch,
        "versions": {p: version(p) for p in packages},
        "synthetic": collection.synthetic,
    }
