"""In the child: a .pt, .pth or .ckpt file. Its archive is checked before torch opens it, its tensors before
anything is done with them: a view of a few bytes can claim terabytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data.errors import Refused
from data.weights import pickles
from data.weights.names import shown, unwrapped
from data.weights.values import check_kinds, check_values

ZIP_START = b"PK\x03\x04"  # what torch looks for
PICKLE = "data.pkl"
MAX_PICKLE = 64 * 2**20  # bytes; names and shapes take a few hundred each
SLACK = 1.1  # of the file's size: nothing in it is compressed
KINDS = {
    **{torch.float64: "float64", torch.float32: "float32", torch.float16: "float16"},
    **{torch.bfloat16: "bfloat16", torch.bool: "bool", torch.uint8: "uint8"},
    **{torch.int64: "int64", torch.int32: "int32", torch.int16: "int16", torch.int8: "int8"},
}
SAVE_AGAIN = (
    "It is never opened in an unsafe way. Where it was made, save only the weights: "
    "`safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')`."
)


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send notes, then one tensor a frame; or only names and shapes."""
    path, label = Path(request["path"]), request["label"]
    state, notes = unwrapped(_load(path, label), label)
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    _check_sizes(tensors, path.stat().st_size, label)
    check_kinds({name: KINDS[tensor.dtype] for name, tensor in tensors.items()}, label)
    if not request["values"]:
        send({"notes": notes, "shapes": {name: [*tensor.shape] for name, tensor in tensors.items()}})
        return
    send({"notes": notes})
    for name, tensor in tensors.items():
        kind = KINDS[tensor.dtype]
        plain = tensor.detach().contiguous()
        array = plain.view(torch.uint16).numpy() if kind == "bfloat16" else plain.numpy()
        check_values(name, array, kind, label)
        send({"name": name, "dtype": kind}, [array])


def _load(path: Path, label: str) -> object:
    names = pickles.imports(io.BytesIO(_pickle(path, label)))
    if pickles.foreign(names):
        message = f"{label!r} would run code when it is opened. It is refused, and nothing of it was run. "
        raise Refused("checkpoint_unsafe", message + SAVE_AGAIN)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # what a damaged file raises in torch comes in a dozen types
        if "DefaultCPUAllocator" in str(error):
            raise MemoryError from error
        if pickles.beside(names):
            message = f"{label!r} holds Python objects beside its weights. {SAVE_AGAIN}"
            raise Refused("checkpoint_not_weights_only", message) from error
        raise _corrupt(label, "it is not what torch.save writes, or it is cut off") from error


def _pickle(path: Path, label: str) -> bytes:
    """The part of the file that is a pickle."""
    with path.open("rb") as handle:
        start = handle.read(MAX_PICKLE)
    if not start.startswith(ZIP_START):
        return start
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive, path.stat().st_size, label)
            return archive.read(next(n for n in archive.namelist() if n.split("/")[-1] == PICKLE))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _corrupt(label, "its archive is damaged or cut off") from error


def _check_archive(archive: zipfile.ZipFile, size: int, label: str) -> None:
    """The members are what torch.save writes: stored as they are, each once, no larger than the file."""
    members = archive.infolist()
    names = [m.filename.split("/", 1)[-1] for m in members]
    if "constants.pkl" in names or any(n.startswith("code/") for n in names):
        message = f"{label!r} is a TorchScript program, not weights. {SAVE_AGAIN}"
        raise Refused("checkpoint_is_torchscript", message)
    declared = sum(m.file_size for m in members)
    if declared > SLACK * size + 4096 or any(m.compress_type != zipfile.ZIP_STORED for m in members):
        message = (
            f"{label!r} would unpack to {declared:,} bytes from {size:,}: torch.save compresses nothing."
        )
        raise Refused("checkpoint_too_large", message)
    if any(m.flag_bits & 1 for m in members):
        raise _corrupt(label, "parts of its archive claim to be encrypted")
    if names.count(PICKLE) != 1 or len(set(names)) < len(names):
        raise _corrupt(label, "its archive lacks a part or has one twice")
    if next(m for m, n in zip(members, names, strict=True) if n == PICKLE).file_size > MAX_PICKLE:
        raise Refused("checkpoint_too_large", f"{label!r} lists more than a network has.")


def _check_sizes(tensors: Mapping[str, Tensor], size: int, label: str) -> None:
    """No tensor is larger than what is stored of it, nor all of them than the file (tied ones: twice)."""
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.dtype not in KINDS or tensor.device.type != "cpu":
            message = (
                f"{label!r}: {shown(name)} is {tensor.dtype}, {tensor.layout}. Dense floats are expected."
            )
            raise Refused("checkpoint_dtype", message)
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            message = (
                f"{label!r}: {shown(name)} claims shape {tuple(tensor.shape)}, more than is stored of it."
            )
            raise Refused("checkpoint_shape_mismatch", message)
    claimed = sum(t.numel() * t.element_size() for t in tensors.values())
    if claimed > 2 * size + 4096:
        message = f"{label!r} of {size:,} bytes claims {claimed:,} bytes of tensors."
        raise Refused("checkpoint_shape_mismatch", message)


def _corrupt(label: str, reason: str) -> Refused:
    return Refused("checkpoint_corrupt", f"{label!r} cannot be read: {reason}. Copy or save it again.")
