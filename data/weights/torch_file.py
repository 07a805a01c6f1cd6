"""In the child: read what torch.save wrote, after the checks of `archive`.

Sizes are checked before a tensor is used: a view of a few bytes can claim terabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.weights.archive import corrupt, not_weights_only
from suture.data.weights.state_dict import find_state_dict
from suture.data.weights.values import check_kinds, check_shapes, check_values

KINDS = {
    **{torch.float64: "float64", torch.float32: "float32", torch.float16: "float16"},
    **{torch.bfloat16: "bfloat16", torch.bool: "bool", torch.uint8: "uint8"},
    **{torch.int64: "int64", torch.int32: "int32", torch.int16: "int16", torch.int8: "int8"},
}


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send the notes, then one tensor per frame; or only names and shapes.

    `request["beside"]` says whether the file's pickle names more than weights.
    """
    path, label = Path(request["path"]), request["label"]
    state, notes = find_state_dict(load(path, label, request["beside"]), label)
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    check_sizes(tensors, path.stat().st_size, label)
    check_kinds({name: KINDS[tensor.dtype] for name, tensor in tensors.items()}, label)
    if not request["values"]:
        send({"notes": notes, "shapes": {name: [*tensor.shape] for name, tensor in tensors.items()}})
        return
    send({"notes": notes})
    for name, tensor in tensors.items():
        kind = KINDS[tensor.dtype]
        plain = tensor.detach().resolve_neg().contiguous()
        array = plain.view(torch.uint16).numpy() if kind == "bfloat16" else plain.numpy()
        check_values(name, array, kind, label)
        send({"name": name, "dtype": kind}, [array])


def load(path: Path, label: str, beside: bool) -> object:
    """What the file holds, opened with `weights_only=True`; `beside` as `archive.check` gives it."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # for a damaged file torch raises a dozen exception types
        if "DefaultCPUAllocator" in str(error):
            raise MemoryError from error
        if beside:
            raise not_weights_only(label) from error
        raise corrupt(label, "it was not written by torch.save, or it is truncated") from error


def check_sizes(tensors: Mapping[str, Tensor], size: int, label: str) -> None:
    """Check that no tensor is larger than its storage, nor all together than the file (twice, if tied)."""
    for name, tensor in tensors.items():
        _check_dense(name, tensor, label)
    check_shapes({name: tensor.shape for name, tensor in tensors.items()}, label)
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            message = (
                f"{label!r}: {quoted(name)} claims shape {tuple(tensor.shape)}, more than its storage holds."
            )
            raise Refused("checkpoint_shape_mismatch", message)
    claimed = sum(t.numel() * t.element_size() for t in tensors.values())
    if claimed > 2 * size + 4096:
        message = f"{label!r} of {size:,} bytes claims {claimed:,} bytes of tensors."
        raise Refused("checkpoint_shape_mismatch", message)


def _check_dense(name: str, tensor: Tensor, label: str) -> None:
    """Check that the tensor is dense, has values, and is of a supported type."""
    if tensor.is_nested or tensor.layout != torch.strided or tensor.device.type != "cpu":
        what = "a meta tensor without values" if tensor.is_meta else "not dense"
        raise Refused("checkpoint_dtype", f"{label!r}: {quoted(name)} is {what}. Expected dense floats.")
    if tensor.dtype not in KINDS:
        message = f"{label!r}: {quoted(name)} has type {tensor.dtype}. Expected dense floats."
        raise Refused("checkpoint_dtype", message)
