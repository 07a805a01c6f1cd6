"""Captions by a checkpoint that has its own decoder: CoCa.

open_clip's own `generate` uses classes that `transformers` 5 removed, so this decodes from the logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suture.data.collection import STUDY_ID
from suture.data.collections import storage
from suture.data.workspace import COLLECTION, Record, Workspace
from suture.models.checkpoints.encoders import Checkpoint, ImageEncoder, TextEncoder

BATCH = 16
Progress = Callable[[int, int], None]


def has_decoder(checkpoint: Checkpoint) -> bool:
    """Whether the checkpoint has its own decoder, and a tokenizer with begin and end tokens."""
    image, text = checkpoint.encoders.get("image"), checkpoint.encoders.get("text")
    if not isinstance(image, ImageEncoder) or not isinstance(text, TextEncoder):
        return False
    marks = all(hasattr(text.tokenizer, name) for name in ("sot_token_id", "eot_token_id"))
    return hasattr(image.model, "text_decoder") and marks


def generate(
    workspace: Workspace,
    checkpoint: Checkpoint,
    collection: Record,
    numbers: np.ndarray,
    *,
    progress: Progress | None = None,
) -> list[str]:
    """Greedy captions of images; numbers: (n,) image numbers in the collection's pack."""
    pack = storage.image_pack(workspace, collection.name)
    image, text = checkpoint.encoders["image"], checkpoint.encoders["text"]
    assert isinstance(image, ImageEncoder)
    assert isinstance(text, TextEncoder)
    assert pack is not None
    captions: list[str] = []
    for start in range(0, len(numbers), BATCH):
        batch, _ = image.prepare(pack.decode_many(numbers[start : start + BATCH].tolist()))
        captions += [_words(text, row) for row in _tokens(image.model, batch.to(image.device), text)]
        if progress:
            progress(min(start + BATCH, len(numbers)), len(numbers))
    return captions


@torch.inference_mode()
def _tokens(model: Any, pictures: Tensor, text: TextEncoder) -> Iterator[list[int]]:
    """Token ids of each image's caption, including the begin token."""
    begin, end = text.tokenizer.sot_token_id, text.tokenizer.eot_token_id
    latent, parts = model._encode_image(pictures)
    tokens = torch.full((len(pictures), 1), begin, device=pictures.device)
    ended = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.device)
    while tokens.shape[1] < text.tokenizer.context_length and not bool(ended.all()):
        output = model(pictures, tokens, image_latent=latent, image_embs=parts, output_labels=False)
        following = output["logits"][:, -1].argmax(-1)
        following = torch.where(ended, torch.full_like(following, end), following)
        ended |= following == end
        tokens = torch.cat([tokens, following[:, None]], 1)
    yield from tokens.tolist()


def _words(text: TextEncoder, row: list[int]) -> str:
    end = text.tokenizer.eot_token_id
    body = row[1 : row.index(end)] if end in row else row[1:]
    return str(text.tokenizer.decode(body)).strip()


def image_numbers(workspace: Workspace, collection: Record, modality: str, studies: np.ndarray) -> np.ndarray:
    """(n,) image numbers in the pack, for the given study ids."""
    loaded = storage.read(workspace.record(COLLECTION, collection.name))
    column = next(m.columns[0] for m in loaded.modalities if m.name == modality)
    numbers = dict(zip(loaded.table[STUDY_ID], loaded.table[column], strict=True))
    return np.array([numbers[study] for study in studies], dtype=int)
