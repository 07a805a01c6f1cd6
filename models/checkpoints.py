"""Weights from a file, made safe: tensors only, the right names and shapes, finite, not degenerate.

.safetensors is preferred; .pt, .pth and .ckpt are read with `weights_only=True` and never otherwise.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from data.errors import Refused

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt")
LISTED = 10
PREFIXES = ("module.", "_orig_mod.", "model.")
State = dict[str, Tensor]


def read_weights(path: Path) -> State:
    """The tensors of a weights file by name; `Refused` says why it cannot be used."""
    if path.suffix.lower() not in SUFFIXES:
        raise Refused(
            "file_type_not_allowed",
            f"{path.name!r} is not a weights file. Expected {', '.join(SUFFIXES)}.",
        )
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{path.name!r} is empty.")
    with path.open("rb") as handle:
        if handle.read(40).startswith(b"version https://git-lfs"):
            message = f"{path.name!r} is a Git LFS pointer, not the weights. Run `git lfs pull`."
            raise Refused("checkpoint_lfs_pointer", message)
    read = _read_safetensors if path.suffix.lower() == ".safetensors" else _read_torch
    return _checked(_unwrapped(read(path)), path)


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        return load_file(path, device="cpu")
    except (SafetensorError, ValueError, OSError) as error:
        raise Refused(
            "safetensors_header", f"{path.name!r} is not a valid safetensors file: {error}."
        ) from error


def _read_torch(path: Path) -> Mapping[str, Any]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        code = "checkpoint_not_weights_only" if "GLOBAL" in str(error) else "checkpoint_corrupt"
        raise Refused(
            code,
            f"{path.name!r} holds more than weights (Python objects), or is damaged. It is never "
            f"opened in an unsafe way. Save the state_dict again as .safetensors.",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise Refused("checkpoint_corrupt", f"{path.name!r} cannot be read: {error}.") from error
    if not isinstance(loaded, Mapping):
        raise Refused("checkpoint_keys_missing", f"{path.name!r} holds no state_dict.")
    return loaded


def _unwrapped(loaded: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state_dict inside a training checkpoint, without prefixes that wrappers add."""
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    for prefix in PREFIXES:
        if loaded and all(str(k).startswith(prefix) for k in loaded):
            loaded = {str(k).removeprefix(prefix): v for k, v in loaded.items()}
    return loaded


def _checked(loaded: Mapping[str, Any], path: Path) -> State:
    state = {str(k): v for k, v in loaded.items() if isinstance(v, Tensor)}
    if not state:
        raise Refused("checkpoint_keys_missing", f"{path.name!r} holds no tensors.")
    # Sizes before any cast: a view of stride 0 can claim terabytes.
    claimed = sum(t.numel() * t.element_size() for t in state.values())
    if claimed > 1.1 * path.stat().st_size + 4096:
        message = f"{path.name!r} claims tensors larger than the file itself."
        raise Refused("checkpoint_shape_mismatch", message)
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise Refused("checkpoint_not_finite", f"{path.name!r}: {name!r} has NaN or infinite values.")
    return state


def fit(model: nn.Module, state: State, source: str, architecture: str) -> None:
    """Load weights whose names and shapes must all agree with the model's."""
    wanted = model.state_dict()
    buffers = {n for n, _ in model.named_buffers()}
    missing = [k for k in wanted if k not in state and k not in buffers]
    unexpected = [k for k in state if k not in wanted]
    shapes = [
        f"{k} is {tuple(state[k].shape)}, must be {tuple(wanted[k].shape)}"
        for k in wanted
        if k in state and state[k].shape != wanted[k].shape
    ]
    if shapes:
        raise Refused(
            "checkpoint_shape_mismatch", _does_not_fit(source, architecture, "Sizes differ", shapes)
        )
    if missing:
        raise Refused("checkpoint_keys_missing", _does_not_fit(source, architecture, "Missing", missing))
    if unexpected:
        text = _does_not_fit(source, architecture, "Not part of this architecture", unexpected)
        raise Refused("checkpoint_shape_mismatch", text)
    integers = [k for k, t in state.items() if wanted[k].is_floating_point() > t.is_floating_point()]
    if integers:
        raise Refused("checkpoint_dtype", _does_not_fit(source, architecture, "Whole numbers", integers))
    model.load_state_dict(state, strict=False)


def _does_not_fit(source: str, architecture: str, what: str, items: list[str]) -> str:
    shown = "; ".join(items[:LISTED]) + (f"; and {len(items) - LISTED} more" if items[LISTED:] else "")
    return (
        f"{source!r} does not fit the architecture {architecture}. "
        f"{what}: {shown}. Name the architecture that the "
        f"weights were trained with (an open_clip name or a config .json)."
    )
