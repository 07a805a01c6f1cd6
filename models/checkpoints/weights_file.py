"""Weights files: read in the restricted child process, written as safetensors."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from suture.data import weights
from suture.models.checkpoints import hf_names
from suture.models.checkpoints.architecture import WEIGHTS

State = dict[str, Tensor]


def read_weights(path: Path, label: str = "") -> tuple[State, list[str]]:
    """(tensors by name, notes on what was converted). `Refused` as `suture.data.weights.read`."""
    file = weights.read(path, label)
    return _open_clip_names({k: torch.from_numpy(v) for k, v in file.tensors.items()}, file.notes)


def read_outline(path: Path, label: str = "") -> tuple[State, list[str]]:
    """As `read_weights`, with tensors that have shapes and no values."""
    file = weights.read_shapes(path, label)
    return _open_clip_names({k: torch.empty(v, device="meta") for k, v in file.shapes.items()}, file.notes)


def _open_clip_names(state: State, notes: tuple[str, ...]) -> tuple[State, list[str]]:
    if not hf_names.is_clip_model(state):
        return state, [*notes]
    note = "The names of Hugging Face's CLIPModel were converted to open_clip's."
    return hf_names.to_open_clip(state), [*notes, note]


def write_weights(state: State, folder: Path) -> None:
    """Store weights where a checkpoint of the workspace keeps them.

    Makes contiguous copies: safetensors refuses tensors that share memory.
    """
    copies = {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}
    save_file(copies, folder / WEIGHTS)
