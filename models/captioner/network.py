"""A causal transformer that continues a prefix: the embedding, mapped to a few positions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging as chatter

from suture.models.captioner.config import CaptionerConfig

chatter.set_verbosity_error()  # its progress bars and messages would mix with Suture's
chatter.disable_progress_bar()

IGNORED = -100  # label of a position that the loss ignores


class Captioner(nn.Module):
    """decoder  a causal language model of `transformers`; prefix  (n, dim) -> (n, places, width)"""

    def __init__(self, decoder: Any, dim: int, places: int) -> None:
        super().__init__()
        self.decoder, self.dim, self.places = decoder, dim, places
        width = decoder.get_input_embeddings().embedding_dim
        self.prefix = nn.Sequential(
            nn.Linear(dim, 2 * width), nn.GELU(), nn.Linear(2 * width, places * width)
        )

    def forward(self, vectors: Tensor, tokens: Tensor, counts: Tensor) -> Tensor:
        """Mean cross-entropy of the tokens after the first, given (n, dim) vectors; counts: not padding."""
        before = self.spread(vectors)
        words = self.decoder.get_input_embeddings()(tokens)
        labels = tokens.masked_fill(~counts, IGNORED)
        labels[:, 0] = IGNORED  # the begin token is given
        blank = labels.new_full((len(tokens), self.places), IGNORED)
        return self.decoder(
            inputs_embeds=torch.cat([before, words], 1),
            attention_mask=torch.cat([counts.new_ones(blank.shape), counts], 1).long(),
            labels=torch.cat([blank, labels], 1),
        ).loss

    def start(self, vectors: Tensor, begin: int) -> Tensor:
        """(n, places + 1, width): prefix and begin token, the input that the decoder continues."""
        mark = torch.full((len(vectors), 1), begin, device=vectors.device)
        return torch.cat([self.spread(vectors), self.decoder.get_input_embeddings()(mark)], 1)

    def spread(self, vectors: Tensor) -> Tensor:
        """Map vectors to prefix positions; they are scaled to length sqrt(dim), that of normal noise."""
        scaled = nn.functional.normalize(vectors, dim=-1) * self.dim**0.5
        return self.prefix(scaled).unflatten(1, (self.places, -1))


def from_scratch(config: CaptionerConfig, dim: int, tokenizer: Any) -> Captioner:
    """A captioner with new weights, drawn from torch's global generator."""
    return Captioner(GPT2LMHeadModel(_gpt2(config, tokenizer)), dim, config.prefix)


def _gpt2(config: CaptionerConfig, tokenizer: Any) -> GPT2Config:
    return GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=config.prefix + config.tokens,
        n_embd=config.width,
        n_layer=config.layers,
        n_head=config.heads,
        resid_pdrop=config.dropout,
        embd_pdrop=config.dropout,
        attn_pdrop=config.dropout,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
