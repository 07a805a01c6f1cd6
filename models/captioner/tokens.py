"""Tokenise texts. From scratch: byte-level BPE trained on the texts, so that no character is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from suture.data.errors import Refused

BEGIN, END, PAD = "<s>", "</s>", "<pad>"
UNKNOWN_SHARE = 0.2  # maximum fraction of unknown tokens for a pretrained tokenizer
CUT_SHARE = 0.5  # maximum fraction of truncated texts


def train_tokenizer(texts: Sequence[str], *, vocabulary: int) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `vocabulary` tokens, trained on the texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BEGIN, END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD)


def encode(tokenizer: Any, texts: Sequence[str], *, longest: int) -> tuple[list[Tensor], int]:
    """(tokens of each text with begin and end, at most `longest`; how many texts were truncated).

    `Refused` if a pretrained tokenizer does not know the script of the texts, or most texts are truncated.
    """
    rows = tokenizer([" ".join(text.split()) for text in texts], add_special_tokens=False)["input_ids"]
    _refuse_unknown(tokenizer, rows)
    cut = sum(len(row) > longest - 2 for row in rows)
    if cut > CUT_SHARE * len(rows):
        middle = sorted(map(len, rows))[len(rows) // 2]
        raise Refused(
            "texts_too_long",
            f"{cut:,} of {len(rows):,} texts are longer than {longest - 2} tokens; the middle one has "
            f"{middle:,}. Raise the limit (--tokens {min(1000, 2 * middle)}), or choose a shorter text "
            f"modality (--text).",
        )
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    return [torch.tensor([begin, *row[: longest - 2], end]) for row in rows], cut


def _refuse_unknown(tokenizer: Any, rows: Sequence[Sequence[int]]) -> None:
    unknown = tokenizer.unk_token_id
    if unknown is None or unknown == tokenizer.eos_token_id:
        return
    total = sum(map(len, rows))
    count = sum(token == unknown for row in rows for token in row)
    if count > UNKNOWN_SHARE * total:
        raise Refused(
            "tokens_unknown",
            f"{count / total:.0%} of the tokens of these texts are unknown to the tokenizer of the decoder "
            f"that was chosen to start from: it was made for another language. Train from scratch (leave "
            f"--start out), or start from a decoder for this language.",
        )


def padded(rows: Sequence[Tensor], pad: int) -> tuple[Tensor, Tensor]:
    """(b, longest) tokens, and a mask of those that are not padding."""
    tokens = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=pad)
    lengths = torch.tensor([len(row) for row in rows])
    return tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None]


def decode(tokenizer: Any, rows: Tensor) -> list[str]:
    """Decode generated tokens up to the end token."""
    return [text.strip() for text in tokenizer.batch_decode(rows, skip_special_tokens=True)]
