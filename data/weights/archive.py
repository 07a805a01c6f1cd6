"""In the child, before torch: whether a .pt, .pth or .ckpt file is what torch.save writes, without code."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.data.weights import pickles

ZIP_START = b"PK\x03\x04"  # the magic bytes that torch checks
PICKLE = "data.pkl"
MAX_PICKLE = 64 * 2**20  # bytes; a tensor's name and shape take a few hundred
SIZE_TOLERANCE = 1.1  # factor of the file's size, because nothing in it is compressed
ARCHIVE_ERRORS = (  # what a damaged archive raises
    *(zipfile.BadZipFile, OSError, EOFError, struct.error, OverflowError),
    *(ValueError, NotImplementedError, RuntimeError),
)
SAVE_AGAIN = (
    "Suture never opens such files unsafely. Where it was made, save only the weights: "
    "`safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')`."
)


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send whether the file's pickle names more than weights."""
    send({"beside": check(Path(request["path"]), request["label"])})


def check(path: Path, label: str) -> bool:
    """Whether the file holds Python objects beside its weights; `Refused` if they would run code."""
    names = pickles.imported_names(io.BytesIO(_pickle(path, label)))
    if pickles.unsafe_names(names):
        message = f"{label!r} would run code when it is opened. It was not opened, and nothing was run. "
        raise Refused("checkpoint_unsafe", message + SAVE_AGAIN)
    if pickles.holds_bytes(names):
        raise not_weights_only(label)
    return bool(pickles.non_weight_names(names))


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
    except ARCHIVE_ERRORS as error:
        raise corrupt(label, "its archive is damaged or truncated") from error


def _check_archive(archive: zipfile.ZipFile, size: int, label: str) -> None:
    """Check that the members are as torch.save writes them: uncompressed, unique, no larger than the file."""
    members = archive.infolist()
    names = [_part(m.filename) for m in members]
    if "constants.pkl" in names or any(n.startswith("code/") for n in names):
        message = f"{label!r} is a TorchScript program, not weights. {SAVE_AGAIN}"
        raise Refused("checkpoint_is_torchscript", message)
    declared = sum(m.file_size for m in members)
    if declared > SIZE_TOLERANCE * size + 4096 or any(m.compress_type != zipfile.ZIP_STORED for m in members):
        message = (
            f"{label!r} would grow from {size:,} to {declared:,} bytes, but torch.save does not compress."
        )
        raise Refused("checkpoint_too_large", message)
    if any(m.flag_bits & 1 for m in members):
        raise corrupt(label, "parts of its archive are encrypted")
    if names.count(PICKLE) != 1 or len(set(names)) < len(names):
        raise corrupt(label, "its archive has a missing or duplicate part")
    if next(m for m, n in zip(members, names, strict=True) if n == PICKLE).file_size > MAX_PICKLE:
        raise Refused("checkpoint_too_large", f"{label!r} lists more tensors than a network has.")


def _part(name: str) -> str:
    """A member's name within the one folder that torch.save makes."""
    return name.split("/", 1)[-1]


def not_weights_only(label: str) -> Refused:
    """The error for a file with Python objects beside its weights."""
    message = f"{label!r} holds Python objects beside its weights. {SAVE_AGAIN}"
    return Refused("checkpoint_not_weights_only", message)


def corrupt(label: str, reason: str) -> Refused:
    """The error for a damaged weights file."""
    return Refused("checkpoint_corrupt", f"{label!r} cannot be read: {reason}. Copy or save it again.")
