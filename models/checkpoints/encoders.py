"""One protocol for every modality: prepare on the CPU, encode on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from suture.data.collection import Kind
from suture.models.checkpoints.device import mixed_precision

TEXT_BATCH = 64


class Encoder(Protocol):
    """Turns values of one kind into vectors of the shared space."""

    kind: Kind
    dim: int

    def prepare(self, values: Sequence[Any]) -> tuple[Tensor, int]:
        """A batch for `encode`, and how many values had to be truncated. Safe in any thread."""
        ...

    def encode(self, batch: Tensor) -> Tensor:
        """(n, dim) float32 on the CPU, unit rows."""
        ...


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: encoders by kind of modality, into one space of width `dim`."""

    name: str
    encoders: dict[Kind, Encoder]
    dim: int
    fingerprint: str

    def can_embed(self, kind: Kind) -> bool:
        """Whether there is an encoder for this kind of modality."""
        return kind in self.encoders


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1 in float32 on the CPU."""
    return nn.functional.normalize(vectors.float(), dim=-1).cpu()


class ImageEncoder:
    """The image tower of an open_clip model. Values are PIL pictures."""

    kind: Kind = "image"

    def __init__(self, model: Any, transform: Any, dim: int, device: torch.device) -> None:
        self.model, self.transform, self.dim, self.device = model, transform, dim, device

    def prepare(self, values: Sequence[Image.Image]) -> tuple[Tensor, int]:
        """(n, 3, height, width), resized and standardised as the model expects."""
        return torch.stack([self.transform(picture) for picture in values]), 0

    @torch.inference_mode()
    def encode(self, batch: Tensor) -> Tensor:
        """Unit image features."""
        with mixed_precision(self.device):
            return unit(self.model.encode_image(batch.to(self.device, non_blocking=True)))


class TextEncoder:
    """The text tower of an open_clip model. Values are strings."""

    kind: Kind = "text"

    def __init__(self, model: Any, tokenizer: Any, dim: int, device: torch.device) -> None:
        self.model, self.tokenizer, self.dim, self.device = model, tokenizer, dim, device
        self._lock = Lock()

    def prepare(self, values: Sequence[str]) -> tuple[Tensor, int]:
        """(n, context_length) token numbers; a text longer than the context is cut and counted."""
        with self._lock:  # Hugging Face tokenizers keep their truncation setting as shared state
            limit = self.tokenizer.context_length
            too_long = sum(self._tokens(text) > limit for text in values)
            return self.tokenizer(list(values)), too_long

    def _tokens(self, text: str) -> int:
        if hasattr(self.tokenizer, "tokenizer"):  # a wrapped Hugging Face tokenizer
            return len(self.tokenizer.tokenizer(text, truncation=False)["input_ids"])
        return len(self.tokenizer.encode(text)) + 2  # start and end

    @torch.inference_mode()
    def encode(self, batch: Tensor) -> Tensor:
        """Unit text features."""
        with mixed_precision(self.device):
            return unit(self.model.encode_text(batch.to(self.device, non_blocking=True)))


def encode_texts(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """(n_texts, dim) unit rows of a text encoder, some texts at a time."""
    batches = (texts[start : start + TEXT_BATCH] for start in range(0, len(texts), TEXT_BATCH))
    return np.concatenate([encoder.encode(encoder.prepare(batch)[0]).numpy() for batch in batches])


class TabularEncoder:
    """A two-layer network over numbers and categories. Values are dicts of strings.

    Numbers are standardised with the stored mean and deviation, categories are one-hot over the
    stored list; what is missing or unknown becomes zeros. `columns` describes each column:
    {"name": "age", "mean": 50.1, "std": 19.0} or {"name": "sex", "values": ["F", "M"]}.
    """

    kind: Kind = "tabular"

    def __init__(
        self,
        columns: Sequence[dict[str, Any]],
        dim: int,
        device: torch.device,
        *,
        hidden: int = 128,
    ) -> None:
        self.columns, self.dim, self.device = list(columns), dim, device
        width = sum(len(c.get("values", (0,))) for c in self.columns)
        self.network = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, dim))
        self.network.to(device).eval()

    def prepare(self, values: Sequence[dict[str, str]]) -> tuple[Tensor, int]:
        """(n, width) float32."""
        return torch.tensor([self._features(v) for v in values], dtype=torch.float32), 0

    def _features(self, value: dict[str, str]) -> list[float]:
        features: list[float] = []
        for column in self.columns:
            cell = value.get(column["name"], "")
            if "values" in column:
                features.extend(float(cell == known) for known in column["values"])
            else:
                features.append(_standardised(cell, column["mean"], column["std"]))
        return features

    @torch.inference_mode()
    def encode(self, batch: Tensor) -> Tensor:
        """Unit features."""
        return unit(self.network(batch.to(self.device)))


def _standardised(cell: str, mean: float, deviation: float) -> float:
    try:
        return (float(cell) - mean) / deviation
    except ValueError:
        return 0.0
