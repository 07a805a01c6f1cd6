"""The saved state of a run: one file, replaced atomically. Work since the last save is repeated.

It holds the trainable weights, the optimizer's moments and the history up to one step. Everything else
(order of studies, augmentation, dropout, learning rate) follows from seed and step, so a resumed run ends
with the same weights as one that was never stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from suture.data.workspace import atomic_replace
from suture.models.training.record import History

STATE, BEST = "state.safetensors", "best.safetensors"


def trainable(network: nn.Module) -> dict[str, nn.Parameter]:
    """The trainable weights by name."""
    return {name: p for name, p in network.named_parameters() if p.requires_grad}


def save(path: Path, network: nn.Module, optimizer: Any, history: History) -> None:
    """Write weights, moments and history to one file, atomically."""
    weights = trainable(network)
    tensors = {f"network.{name}": p for name, p in weights.items()}
    for name, weight in weights.items():
        for key, value in optimizer.state.get(weight, {}).items():
            tensors[f"optimizer.{name}.{key}"] = value
    _write(path, tensors, {"history": json.dumps(history.to_json())})


def load(path: Path, network: nn.Module, optimizer: Any) -> History | None:
    """Restore a saved state and return its history; None if there is none."""
    if not path.is_file():
        return None
    with safe_open(path, "pt") as stored:
        history = History(**json.loads(stored.metadata()["history"]))
    tensors = load_file(path)
    with torch.no_grad():
        for name, weight in trainable(network).items():
            weight.copy_(tensors[f"network.{name}"])
            prefix = f"optimizer.{name}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if own:  # "step" stays on the CPU, as AdamW keeps it
                optimizer.state[weight] = {
                    k: v if k == "step" else v.to(weight.device) for k, v in own.items()
                }
    return history


def save_weights(path: Path, network: nn.Module) -> None:
    """Write only the trainable weights."""
    _write(path, dict(trainable(network)), {})


def load_weights(path: Path, network: nn.Module) -> None:
    """Load weights written by `save_weights`."""
    tensors = load_file(path)
    with torch.no_grad():
        for name, weight in trainable(network).items():
            weight.copy_(tensors[name])


def _write(path: Path, tensors: dict[str, Any], metadata: dict[str, str]) -> None:
    plain: dict[str, Tensor] = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    with atomic_replace(path) as temporary:
        save_file(plain, temporary, metadata=metadata)
