"""In the child: what torch.save wrote, after `archive` has found it to be in order. Sizes are checked before
anything is done with a tensor: a view of a few bytes can claim terabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from suture.data.errors import Refused
from suture.data.files.names import shown
from suture.data.weights.archive import beside_weights, corrupt
from suture.data.weights.names import unwrapped
from suture.data.weights.values import check_kinds, check_shapes, check_values

KINDS = {
    **{torch.float64: "float64", torch.float32: "float32", torch.float16: "float16"},
    **{torch.bfloat16: "bfloat16", torch.bool: "bool", torch.uint8: "uint8"},
    **{torch.int64: "int64", torch.int32: "int32", torch.int16: "int16", torch.int8: "int8"},
}


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send notes, then one tensor a frame; or only names and shapes.

    beside: whether its pickle names more than weights
    """
    path, label = Path(request["path"]), request["label"]
    state, notes = unwrapped(_load(path, label, request["beside"]), label)
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    _check_sizes(tensors, path.stat().st_size, label)
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


def _load(path: Path, label: str, beside: bool) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # what a damaged file raises in torch comes in a dozen types
        if "DefaultCPUAllocator" in str(error):
            raise MemoryError from error
        if beside:
            raise beside_weights(label) from error
        raise corrupt(label, "it is not what torch.save writes, or it is cut off") from error


def _check_sizes(tensors: Mapping[str, Tensor], size: int, label: str) -> None:
    """No tensor is larger than what is stored of it, nor all of them than the file (tied ones: twice)."""
    for name, tensor in tensors.items():
        _check_dense(name, tensor, label)
    check_shapes({name: tensor.shape for name, tensor in tensors.items()}, label)
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            message = (
                f"{label!r}: {shown(name)} claims shape {tuple(tensor.shape)}, more than is stored of it."
            )
            raise Refused("checkpoint_shape_mismatch", message)
    claimed = sum(t.numel() * t.element_size() for t in tensors.values())
    if claimed > 2 * size + 4096:
        message = f"{label!r} of {size:,} bytes claims {claimed:,} bytes of tensors."
        raise Refused("checkpoint_shape_mismatch", message)


def _check_dense(name: str, tensor: Tensor, label: str) -> None:
    """A tensor with values, all of them, in one of the kinds that are read."""
    if tensor.is_nested or tensor.layout != torch.strided or tensor.device.type != "cpu":
        what = "on no device, so without values" if tensor.is_meta else "not dense"
        raise Refused("checkpoint_dtype", f"{label!r}: {shown(name)} is {what}. Dense floats are expected.")
    if tensor.dtype not in KINDS:
        message = f"{label!r}: {shown(name)} is {tensor.dtype}. Dense floats are expected."
        raise Refused("checkpoint_dtype", message)
