"""Texts as tokens in mapped files: the collection is read once, some thousands of studies at a time."""

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

CHUNK = 1024  # texts that become tokens at once


@dataclass(frozen=True)
class TokenCache:
    """tokens  text modality -> (n_studies, context) int32, mapped
    keys    (M, n_studies) int64: same number = same normalised text, or same duplicate group
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
    """What training needs of the texts of a collection, which comes in blocks.

    encoder  of texts; None where no modality is text
    place    where the tokens are kept, and found again; of processes that share it the first writes
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
    """Delete the tokens that were kept."""
    for path in place.glob("tokens-*.bin"):
        path.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    with atomic_replace(path) as temporary, temporary.open("wb") as stream:
        yield stream
        stream.flush()


def _tokens(encoder: Encoder, cells: pd.Series) -> np.ndarray:
    """(n, context) int32; a text that occurs again among these is not read again."""
    texts, which = np.unique(cells.to_numpy(object), return_inverse=True)
    parts = [encoder.prepare(texts[i : i + CHUNK].tolist())[0] for i in range(0, len(texts), CHUNK)]
    return np.ascontiguousarray(torch.cat(parts).to(torch.int32).numpy()[which.ravel()])


def _mapped(path: Path, n: int) -> np.ndarray:
    return np.memmap(path, np.int32, "r").reshape(n, -1)
