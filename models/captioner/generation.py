"""Generate texts from embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig

from suture.data.errors import Refused
from suture.models.captioner import tokens as words
from suture.models.captioner.config import Decoding, check_decoding
from suture.models.captioner.storage import LoadedCaptioner

BATCH = 64
LONGEST = 1000  # tokens, if neither captioner nor decoder sets a limit
Progress = Callable[[int, int], None]


def generate(
    captioner: LoadedCaptioner,
    vectors: np.ndarray,
    modality: str,
    how: Decoding | None = None,
    *,
    progress: Progress | None = None,
) -> list[str]:
    """One text for each of the (n, dim) vectors of a modality; the same seed gives the same texts.

    `Refused` if the vectors have a different dimension than the captioner was trained on.
    """
    how = how or Decoding()
    check_decoding(how)
    ready = prepare_vectors(captioner, vectors, modality)
    texts: list[str] = []
    for start in range(0, len(ready), BATCH):
        torch.manual_seed(how.seed + start)
        texts += _batch(captioner, ready[start : start + BATCH], how)
        if progress:
            progress(min(start + BATCH, len(ready)), len(ready))
    return texts


def prepare_vectors(captioner: LoadedCaptioner, vectors: np.ndarray, modality: str) -> torch.Tensor:
    """The vectors as in training: minus the mean of their modality, if the captioner was centred."""
    dim = captioner.network.dim
    if vectors.shape[1] != dim:
        raise Refused(
            "captioner_width",
            f"The captioner {captioner.name!r} reads vectors of {dim} numbers; these have "
            f"{vectors.shape[1]}. Train one on this set: suture caption SET --train text.",
        )
    rows = np.array(vectors, np.float32)
    if captioner.centres:
        rows -= captioner.centres[modality]
    return torch.from_numpy(rows)


@torch.inference_mode()
def _batch(captioner: LoadedCaptioner, vectors: torch.Tensor, how: Decoding) -> list[str]:
    network, tokenizer = captioner.network, captioner.tokenizer
    start = network.start(vectors.to(captioner.device), tokenizer.bos_token_id)
    longest = how.tokens or captioner.about.get("config", {}).get("tokens", LONGEST)
    room = getattr(network.decoder.config, "max_position_embeddings", LONGEST) - start.shape[1]
    tokens = network.decoder.generate(
        inputs_embeds=start,
        attention_mask=torch.ones(start.shape[:2], dtype=torch.long, device=start.device),
        generation_config=GenerationConfig(),  # not the one in the decoder's folder, which may be untrusted
        max_new_tokens=min(longest, room),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **_options(how),
    )
    return words.decode(tokenizer, tokens)


def _options(how: Decoding) -> dict[str, Any]:
    if how.method == "beam":
        return {"do_sample": False, "num_beams": how.beams}
    if how.method == "nucleus":
        return {"do_sample": True, "top_p": how.top_p, "top_k": 0, "temperature": how.temperature}
    return {"do_sample": False}
