"""Tokenised texts in memory-mapped files; the collection is read once, in blocks of studies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric

from suture.data.collection import DUPLICATE, Collection, Modality
from suture.data.embedding_set import identity_rows
from suture.data.workspace import atomic_replace
from suture.models.checkpoints.encoders import Encoder
from suture.models.training.batches import row_keys

CHUNK = 1024  # texts tokenised at once


@dataclass(frozen=True)
class TokenCache:
    """tokens  text modality -> (n_studies, context) int32, memory-mapped
    keys    (M, n_studies) int64: equal numbers mean the same normalised text or duplicate group
    """

    tokens: dict[str, np.ndarray]
    keys: np.ndarray


def cache_tokens(
    blocks: Iterable[Collection],
    modalities: Sequence[Modality],
    encoder: Encoder | None,
    place: Path,
    fabric: Fabric,
) -> TokenCache:
    """Tokens and keys of the texts of a collection, which is read in blocks.

    encoder  text encoder; None if no modality is text
    place    folder of the cached tokens, reused if present; rank 0 writes them
    """
    files = {m: place / f"tokens-{i}.bin" for i, m in enumerate(modalities) if m.kind == "text"}
    columns = [DUPLICATE, *(f"key:{m.name}" for m in files)]
    rows = []
    with ExitStack() as stack:
        missing = [m for m, path in files.items() if fabric.is_global_zero and not path.is_file()]
        streams = {m: stack.enter_context(_writing(files[m])) for m in missing}
        for block in blocks:
            rows.append(identity_rows(block)[columns])
            for modality, stream in streams.items():
                assert encoder is not None
                stream.write(_tokens(encoder, block.table[modality.columns[0]]).data)
    fabric.barrier()
    known = pd.concat(rows, ignore_index=True)
    tokens = {m.name: _mapped(path, len(known)) for m, path in files.items()}
    return TokenCache(tokens, row_keys(known, [m.name for m in modalities]))


def delete_tokens(place: Path) -> None:
    """Delete the cached tokens."""
    for path in place.glob("tokens-*.bin"):
        path.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    with atomic_replace(path) as temporary, temporary.open("wb") as stream:
        yield stream
        stream.flush()


def _tokens(encoder: Encoder, cells: pd.Series) -> np.ndarray:
    """(n, context) int32; repeated texts are tokenised once."""
    texts, which = np.unique(cells.to_numpy(object), return_inverse=True)
    parts = [encoder.prepare(texts[i : i + CHUNK].tolist())[0] for i in range(0, len(texts), CHUNK)]
    return np.ascontiguousarray(torch.cat(parts).to(torch.int32).numpy()[which.ravel()])


def _mapped(path: Path, n: int) -> np.ndarray:
    return np.memmap(path, np.int32, "r").reshape(n, -1)
