"""Encoders built from the weights of a checkpoint, one for each kind of modality.

All implement one protocol: prepare values on the CPU, encode them on the device.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from suture.data.collection import Kind
from suture.data.workspace import Record
from suture.models.checkpoints import architecture
from suture.models.checkpoints.architecture import CONFIG, TABULAR_CONFIG, TABULAR_WEIGHTS, WEIGHTS
from suture.models.checkpoints.device import mixed_precision, pick_device

TEXT_BATCH = 64


class Encoder(Protocol):
    """Turns values of one kind of modality into vectors of the shared space."""

    kind: Kind
    dim: int

    def prepare(self, values: Sequence[Any]) -> tuple[Tensor, int]:
        """A batch for `encode`, and how many values were truncated. Thread-safe."""
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
        """Whether the checkpoint has an encoder for this kind of modality."""
        return kind in self.encoders


def load_encoders(record: Record, *, device: str = "auto", fresh: bool = False) -> Checkpoint:
    """Build the encoders of a checkpoint from its stored weights, without access to the workspace's index.

    fresh  use new weights, drawn from torch's global generator, in the same architecture
    """
    where = pick_device(device)
    config = json.loads(record.path(CONFIG).read_text())
    model = architecture.instantiate(config, record.folder)
    if not fresh:
        model.load_state_dict(load_file(record.path(WEIGHTS)), strict=False)
    model.to(where).eval()
    dim = int(config["model_cfg"]["embed_dim"])
    encoders: dict[Any, Encoder] = {
        "image": ImageEncoder(model, architecture.transform(config), dim, where),
        "text": TextEncoder(model, architecture.tokenizer(config, record.folder), dim, where),
    }
    if TABULAR_CONFIG in record.files:
        tabular = TabularEncoder(json.loads(record.path(TABULAR_CONFIG).read_text()), dim, where)
        tabular.network.load_state_dict(load_file(record.path(TABULAR_WEIGHTS)))
        encoders["tabular"] = tabular
    return Checkpoint(record.name, encoders, dim, record.fingerprint)


def open_clip_model(checkpoint: Checkpoint) -> Any:
    """The open_clip model behind the encoders of a loaded checkpoint."""
    encoder = checkpoint.encoders["image"]
    assert isinstance(encoder, ImageEncoder)
    return encoder.model


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1 in float32 on the CPU."""
    return nn.functional.normalize(vectors.float(), dim=-1).cpu()


class ImageEncoder:
    """The image tower of an open_clip model. Values are PIL images."""

    kind: Kind = "image"

    def __init__(self, model: Any, transform: Any, dim: int, device: torch.device) -> None:
        self.model, self.transform, self.dim, self.device = model, transform, dim, device

    def prepare(self, values: Sequence[Image.Image]) -> tuple[Tensor, int]:
        """(n, 3, height, width), resized and standardised as the model expects."""
        return torch.stack([self.transform(image) for image in values]), 0

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
        """(n, context_length) token ids; a text longer than the context is truncated and counted."""
        with self._lock:  # Hugging Face tokenizers store their truncation setting as shared state
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
    """(n_texts, dim) unit rows, encoded in batches."""
    batches = (texts[start : start + TEXT_BATCH] for start in range(0, len(texts), TEXT_BATCH))
    return np.concatenate([encoder.encode(encoder.prepare(batch)[0]).numpy() for batch in batches])


class TabularEncoder:
    """A two-layer network over numbers and categories. Values are dicts of strings.

    Numbers are standardised with the stored mean and standard deviation, categories are one-hot over the
    stored list; missing and unknown values become zeros. `columns` describes each column:
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
