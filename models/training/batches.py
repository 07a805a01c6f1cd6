"""Batches of studies: the input of each modality, which modalities are present, and which texts are equal.

The augmentation of a study depends only on seed, epoch and study, not on its batch, chunk or process. So a
resumed, a chunked and a distributed run see the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from suture.data.collection import DUPLICATE, Collection, Kind, Modality
from suture.data.embedding_set import EmbeddingSet
from suture.data.images.pack import ImagePack
from suture.models.checkpoints.encoders import Encoder
from suture.models.embedding.prefetch import prefetch

SHIFT, EXPOSURE = 0.04, 0.1  # fraction of the side; fraction of contrast, and offset in standard deviations


@dataclass(frozen=True)
class Batch:
    """inputs   modality -> (n_present, ...) encoder input of the studies that have the modality;
                one arbitrary row if no study has it
    present  (M, B) bool
    keys     (M, B) int64: equal keys >= 0 mean the same text or duplicate group
    """

    inputs: dict[str, Tensor]
    present: Tensor
    keys: Tensor

    def to(self, device: torch.device) -> Batch:
        """Move the batch to a device."""
        inputs = {m: x.to(device, non_blocking=True) for m, x in self.inputs.items()}
        return Batch(inputs, self.present.to(device), self.keys.to(device))


class BatchSource(Protocol):
    """Returns batches of studies by row number. Thread-safe."""

    modalities: tuple[str, ...]
    present: np.ndarray  # (M, n_studies) bool
    keys: np.ndarray  # (M, n_studies) int64

    def batch(self, rows: np.ndarray, *, epoch: int | None, seed: int) -> Batch:
        """These studies as augmented for an epoch; `epoch` None = without augmentation."""
        ...


class StudySource:
    """Images and texts of a collection, prepared as the checkpoint's encoders expect.

    Tokens and images stay on disk and are memory-mapped; images are decoded on demand.

    tokens, keys  as in `suture.models.training.token_cache.TokenCache`
    """

    def __init__(
        self,
        collection: Collection,
        pack: ImagePack | None,
        modalities: Sequence[Modality],
        encoders: Mapping[Kind, Encoder],
        *,
        tokens: Mapping[str, np.ndarray],
        keys: np.ndarray,
        augment: bool,
    ) -> None:
        self.modalities = tuple(m.name for m in modalities)
        self.kinds: dict[str, Kind] = {m.name: m.kind for m in modalities}
        self.pack, self.encoders, self.augment = pack, encoders, augment
        self.present = np.stack([collection.present(m) for m in modalities])
        self.keys, self._tokens = keys, tokens
        self._numbers = {
            m.name: collection.table[m.columns[0]].to_numpy() for m in modalities if m.kind == "image"
        }
        self._tabular = {
            m.name: encoders["tabular"].prepare(collection.table[list(m.columns)].to_dict("records"))[0]
            for m in modalities
            if m.kind == "tabular"
        }

    def batch(self, rows: np.ndarray, *, epoch: int | None, seed: int) -> Batch:
        """See `BatchSource`."""
        inputs = {}
        for number, name in enumerate(self.modalities):
            there = rows[self.present[number, rows]]
            used = there if len(there) else rows[:1]
            if self.kinds[name] == "image":
                inputs[name] = self._pictures(name, used, epoch, seed, blank=not len(there))
            elif self.kinds[name] == "text":
                inputs[name] = torch.from_numpy(np.asarray(self._tokens[name][used], np.int64))
            else:
                inputs[name] = self._tabular[name][torch.from_numpy(used)]
        return _batch(self, rows, inputs)

    def _pictures(self, name: str, rows: np.ndarray, epoch: int | None, seed: int, *, blank: bool) -> Tensor:
        assert self.pack is not None
        numbers = [0] * len(rows) if blank else self._numbers[name][rows]
        pictures = self.encoders["image"].prepare(self.pack.decode_many(map(int, numbers)))[0]
        if epoch is None or not self.augment:
            return pictures
        return torch.stack(
            [
                augmented(p, np.random.default_rng([seed, epoch, int(r)]))
                for p, r in zip(pictures, rows, strict=True)
            ]
        )


class VectorSource:
    """Cached features: one matrix per modality, each of its own width, in memory or memory-mapped."""

    def __init__(self, vectors: Mapping[str, np.ndarray], present: np.ndarray, keys: np.ndarray) -> None:
        self.modalities = tuple(vectors)
        self.vectors = dict(vectors)
        self.present, self.keys = present, keys

    def batch(self, rows: np.ndarray, *, epoch: int | None, seed: int) -> Batch:
        """See `BatchSource`."""
        inputs = {}
        for number, name in enumerate(self.modalities):
            there = rows[self.present[number, rows]]
            inputs[name] = torch.from_numpy(
                self.vectors[name][there if len(there) else rows[:1]].astype(np.float32)
            )
        return _batch(self, rows, inputs)


def _batch(source: BatchSource, rows: np.ndarray, inputs: dict[str, Tensor]) -> Batch:
    present, keys = source.present[:, rows], source.keys[:, rows]
    return Batch(inputs, torch.from_numpy(present), torch.from_numpy(keys))


def augmented(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """An image (channels, height, width) shifted by a few pixels, with slightly changed exposure."""
    most = [max(1, round(SHIFT * side)) for side in picture.shape[1:]]
    moves = [int(rng.integers(-m, m + 1)) for m in most]
    contrast, offset = rng.uniform(1 - EXPOSURE, 1 + EXPOSURE), rng.uniform(-EXPOSURE, EXPOSURE)
    return torch.roll(picture, shifts=moves, dims=(1, 2)) * float(contrast) + float(offset)


def set_keys(embeddings: EmbeddingSet) -> np.ndarray:
    """(M, n_studies) int64: equal numbers mean the same normalised text or duplicate group."""
    return row_keys(embeddings.rows, embeddings.modalities)


def row_keys(rows: Any, modalities: Sequence[str]) -> np.ndarray:
    """Keys from the columns `key:<modality>`; studies of one duplicate group share every key."""
    from suture.analysis.retrieval import joint_keys

    blank = np.full(len(rows), "")
    groups = rows[DUPLICATE].to_numpy(dtype=str)
    keys = []
    for name in modalities:
        texts = rows[f"key:{name}"].to_numpy(dtype=str) if f"key:{name}" in rows else blank
        keys.append(joint_keys(texts, groups))
    return np.stack(keys).astype(np.int64)


def epoch_order(rows: np.ndarray, *, seed: int, epoch: int, batch: int) -> list[np.ndarray]:
    """The batches of an epoch in order; an incomplete last batch is dropped."""
    order = np.random.default_rng([seed, epoch]).permutation(rows)
    return [order[i : i + batch] for i in range(0, len(order) - batch + 1, batch)]


def chunks(rows: np.ndarray, *, count: int, rank: int, world: int) -> list[np.ndarray]:
    """This process's share of a batch, in `count` chunks."""
    share = len(rows) // world
    return np.array_split(rows[rank * share : (rank + 1) * share], count)


def prefetched_steps(
    source: BatchSource, steps: Sequence[list[np.ndarray]], *, epoch: int | None, seed: int
) -> Iterator[list[Batch]]:
    """Steps as lists of chunks, prepared by threads while earlier steps are trained."""

    def make(parts: list[np.ndarray]) -> Callable[[], list[Batch]]:
        return lambda: [source.batch(p, epoch=epoch, seed=seed) for p in parts]

    return prefetch(make(parts) for parts in steps)
