"""In the child, before torch: whether a .pt, .pth or .ckpt file is what torch.save writes, and no code."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.data.weights import pickles

ZIP_START = b"PK\x03\x04"  # what torch looks for
PICKLE = "data.pkl"
MAX_PICKLE = 64 * 2**20  # bytes; names and shapes take a few hundred each
SLACK = 1.1  # of the file's size: nothing in it is compressed
BROKEN = (  # what a damaged archive raises
    *(zipfile.BadZipFile, OSError, EOFError, struct.error, OverflowError),
    *(ValueError, NotImplementedError, RuntimeError),
)
SAVE_AGAIN = (
    "It is never opened in an unsafe way. Where it was made, save only the weights: "
    "`safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')`."
)


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send whether its pickle names more than weights."""
    send({"beside": check(Path(request["path"]), request["label"])})


def check(path: Path, label: str) -> bool:
    """Whether it holds Python objects beside its weights; `Refused` if they would run code."""
    names = pickles.imports(io.BytesIO(_pickle(path, label)))
    if pickles.foreign(names):
        message = f"{label!r} would run code when it is opened. It is refused, and nothing of it was run. "
        raise Refused("checkpoint_unsafe", message + SAVE_AGAIN)
    if pickles.holds_bytes(names):
        raise beside_weights(label)
    return bool(pickles.beside(names))


def _pickle(path: Path, label: str) -> bytes:
    """The part of the file that is a pickle."""
    with path.open("rb") as handle:
        start = handle.read(MAX_PICKLE)
    if not start.startswith(ZIP_START):
        return start
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive, path.stat().st_size, label)
            return archive.read(next(n for n in archive.namelist() if _part(n) == PICKLE))
    except BROKEN as error:
        raise corrupt(label, "its archive is damaged or cut off") from error


def _check_archive(archive: zipfile.ZipFile, size: int, label: str) -> None:
    """The members are what torch.save writes: stored as they are, each once, no larger than the file."""
    members = archive.infolist()
    names = [_part(m.filename) for m in members]
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
        raise corrupt(label, "parts of its archive claim to be encrypted")
    if names.count(PICKLE) != 1 or len(set(names)) < len(names):
        raise corrupt(label, "its archive lacks a part or has one twice")
    if next(m for m, n in zip(members, names, strict=True) if n == PICKLE).file_size > MAX_PICKLE:
        raise Refused("checkpoint_too_large", f"{label!r} lists more than a network has.")


def _part(name: str) -> str:
    """A member's name within the one folder that torch.save makes."""
    return name.split("/", 1)[-1]


def beside_weights(label: str) -> Refused:
    """The refusal of a file with objects that are not opened."""
    message = f"{label!r} holds Python objects beside its weights. {SAVE_AGAIN}"
    return Refused("checkpoint_not_weights_only", message)


def corrupt(label: str, reason: str) -> Refused:
    """The refusal of a file that is no weights file any more."""
    return Refused("checkpoint_corrupt", f"{label!r} cannot be read: {reason}. Copy or save it again.")
