"""An embedding task split into shards that are published one by one.

A run resumes from the published shards, whichever engine made them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from torch import Tensor

from suture.data.collection import Collection, Kind, Modality
from suture.data.images.pack import ImagePack
from suture.data.workspace import atomic_replace, write_atomically
from suture.models.checkpoints.encoders import Checkpoint, Encoder
from suture.models.embedding.prefetch import prefetch

BATCH = 32
SHARD_SIZE = 1024  # items per shard
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Shard:
    """Items `start` to `stop` of one modality; `modality` is its index among the embedded ones."""

    modality: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def path(self, folder: Path) -> Path:
        """The file that its vectors are published to."""
        return folder / f"{self.modality}-{self.start:09d}.npz"


@dataclass(frozen=True)
class Items:
    """The distinct inputs of a modality to encode.

    values  (n_items,): image numbers, texts, or records of table cells. A text that several studies share is
            one item, so that its vectors are bit-identical
    rows    rows of the collection that have the modality
    which   index of the item that each of these rows has
    """

    values: np.ndarray
    rows: np.ndarray
    which: np.ndarray


class EmbeddingTask:
    """Everything in a collection that a checkpoint can embed, as shards in an existing folder.

    dim, kinds  of the checkpoint: dimension of its space, kinds of modality it has encoders for
    """

    def __init__(self, collection: Collection, dim: int, kinds: Iterable[str], folder: Path) -> None:
        self.collection, self.dim, self.kinds, self.folder = collection, dim, tuple(kinds), folder
        self.modalities = [m for m in collection.modalities if m.kind in self.kinds]
        self.items = [_items(collection, m) for m in self.modalities]

    def __len__(self) -> int:
        return sum(len(items.values) for items in self.items)

    def parts(self) -> list[Shard]:
        """Every shard, modality by modality."""
        sizes = [len(items.values) for items in self.items]
        return [
            Shard(number, start, min(start + SHARD_SIZE, size))
            for number, size in enumerate(sizes)
            for start in range(0, size, SHARD_SIZE)
        ]

    def pending(self) -> list[Shard]:
        """The shards that are not published yet."""
        return [part for part in self.parts() if not part.path(self.folder).is_file()]

    def values(self, part: Shard) -> list[Any]:
        """The items of a shard."""
        return self.items[part.modality].values[part.start : part.stop].tolist()

    def write_manifest(self) -> None:
        """Write the items next to the shards, for workers without the collection; see `read_items`."""
        for number, items in enumerate(self.items):
            table = pa.table({"item": pa.array(items.values.tolist())})
            with atomic_replace(_manifest(self.folder, number)) as temporary:
                pq.write_table(table, temporary, row_group_size=SHARD_SIZE)

    def assemble(self) -> tuple[dict[str, np.ndarray], dict[str, int]]:
        """Combine the published shards.

        (modality -> unit rows, zeros where it is missing; modality -> number of truncated texts).
        """
        vectors, truncated = {}, {m.name: 0 for m in self.modalities}
        for modality in self.modalities:
            vectors[modality.name] = np.zeros((len(self.collection), self.dim), np.float32)
        sorters = [np.argsort(items.which, kind="stable") for items in self.items]
        for part in self.parts():
            items, order = self.items[part.modality], sorters[part.modality]
            bounds = np.searchsorted(items.which, (part.start, part.stop), sorter=order)
            having = order[slice(*bounds)]
            name = self.modalities[part.modality].name
            with np.load(part.path(self.folder), allow_pickle=False) as stored:
                vectors[name][items.rows[having]] = stored["vectors"][items.which[having] - part.start]
                truncated[name] += int(stored["truncated"])
        return vectors, truncated


def _items(collection: Collection, modality: Modality) -> Items:
    rows = np.flatnonzero(collection.present(modality))
    if modality.kind == "tabular":
        values = np.empty(len(rows), dtype=object)
        values[:] = collection.table[list(modality.columns)].iloc[rows].to_dict("records")
        return Items(values, rows, np.arange(len(rows)))
    column = collection.table[modality.columns[0]].to_numpy()[rows]
    if modality.kind == "image":
        return Items(column, rows, np.arange(len(rows)))
    values, which = np.unique(column.astype(object), return_inverse=True)
    return Items(values, rows, which)


def _manifest(folder: Path, modality: int) -> Path:
    return folder / f"{modality}-items.parquet"


def read_items(folder: Path, part: Shard) -> list[Any]:
    """The items of a shard, from the manifest that `EmbeddingTask.write_manifest` wrote."""
    with pq.ParquetFile(_manifest(folder, part.modality)) as manifest:
        group = part.start // manifest.metadata.row_group(0).num_rows  # one group per shard
        return manifest.read_row_group(group)["item"].to_pylist()


class ShardEncoder:
    """Encodes and publishes shards with a loaded checkpoint."""

    def __init__(self, checkpoint: Checkpoint, pack: ImagePack | None, batch: int = BATCH) -> None:
        self.checkpoint, self.pack, self.batch = checkpoint, pack, batch

    def publish(
        self, path: Path, kind: Kind, values: list[Any], report: Callable[[int], None] = lambda done: None
    ) -> None:
        """Encode items of one kind and publish them; `report` receives the number of items done."""
        vectors, truncated, encoder = [], 0, self.checkpoint.encoders[kind]
        for batch, too_long in prepared_batches(encoder, self._batches(kind, values)):
            vectors.append(encoder.encode(batch).numpy())
            truncated += too_long
            report(sum(map(len, vectors)))
        buffer = io.BytesIO()
        np.savez(buffer, vectors=np.concatenate(vectors), truncated=truncated)
        write_atomically(path, buffer.getvalue())

    def _batches(self, kind: Kind, values: list[Any]) -> Iterator[Callable[[], list[Any]]]:
        for start in range(0, len(values), self.batch):
            yield partial(self._load, kind, values[start : start + self.batch])

    def _load(self, kind: Kind, values: list[Any]) -> list[Any]:
        if kind != "image":
            return values
        assert self.pack is not None
        return self.pack.decode_many(values)


def prepared_batches(
    encoder: Encoder, batches: Iterable[Callable[[], list[Any]]]
) -> Iterator[tuple[Tensor, int]]:
    """Batches ready for the encoder, prepared by threads while the encoder works on earlier ones."""
    return prefetch(partial(_prepare, encoder, values) for values in batches)


def _prepare(encoder: Encoder, values: Callable[[], list[Any]]) -> tuple[Tensor, int]:
    return encoder.prepare(values())


def encode_locally(work: EmbeddingTask, encoder: ShardEncoder, progress: Progress | None = None) -> None:
    """Encode the pending shards in this process. progress: (items done, total items, modality)."""
    done = 0
    for part in work.parts():
        modality, path = work.modalities[part.modality], part.path(work.folder)

        def report(count: int, before: int = done, name: str = modality.name) -> None:
            if progress:
                progress(before + count, len(work), name)

        if not path.is_file():
            encoder.publish(path, modality.kind, work.values(part), report)
        done += len(part)
        report(len(part))
