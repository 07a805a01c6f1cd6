"""In the child: read a .safetensors file. The header is checked here and by the library.

The format (github.com/huggingface/safetensors): 8 bytes of length, a JSON header, then the tensors without
gaps. The library checks all of these rules; duplicate keys, which it accepts, are refused here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.weights.state_dict import find_state_dict
from suture.data.weights.values import check_kinds, check_shapes, check_values

MAX_HEADER = 4 * 2**20  # bytes; 5,000 tensors need a tenth of this
DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8"},
}


@dataclass(frozen=True)
class Entry:
    """One tensor of the header; `start` is its byte offset in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send the notes, then one tensor per frame; or only names and shapes."""
    path, label = Path(request["path"]), request["label"]
    entries, notes = find_state_dict(header(path, label), label)
    check_shapes({name: entry.shape for name, entry in entries.items()}, label)
    check_kinds({name: entry.dtype for name, entry in entries.items()}, label)
    if not request["values"]:
        send({"notes": notes, "shapes": {name: entry.shape for name, entry in entries.items()}})
        return
    send({"notes": notes})
    with path.open("rb") as handle:
        for name, entry in entries.items():
            array = _values(handle, entry)
            check_values(name, array, entry.dtype, label)
            send({"name": name, "dtype": entry.dtype}, [array])


def header(path: Path, label: str) -> dict[str, Entry]:
    """The tensors that the header declares; `Refused` if it breaks a rule of the format."""
    with path.open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        if not 0 < length <= min(MAX_HEADER, path.stat().st_size - 8):
            raise _refused(label, f"its header length of {length:,} bytes is impossible")
        raw = handle.read(length)
    try:
        content = json.loads(raw.decode(), object_pairs_hook=_refuse_duplicate_keys)
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, ValueError, RecursionError, OSError) as error:
        reason = (
            "a name occurs twice"
            if isinstance(error, _DuplicateKey)
            else "its header breaks the format's rules"
        )
        raise _refused(label, reason) from error
    content.pop("__metadata__", None)
    return {name: _entry(name, found, 8 + length, label) for name, found in content.items()}


class _DuplicateKey(ValueError):
    pass


def _refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise _DuplicateKey
    return dict(pairs)


def _entry(name: str, found: dict[str, Any], origin: int, label: str) -> Entry:
    """One entry of the header, which the library has already checked."""
    if found["dtype"] not in DTYPES:
        message = f"{label!r}: {quoted(name)} has type {found['dtype']}. Expected {', '.join(DTYPES)}."
        raise Refused("checkpoint_dtype", message)
    return Entry(DTYPES[found["dtype"]], tuple(found["shape"]), origin + found["data_offsets"][0])


def _values(handle: BinaryIO, entry: Entry) -> np.ndarray:
    handle.seek(entry.start)
    dtype = np.dtype("uint16" if entry.dtype == "bfloat16" else entry.dtype)
    count = int(np.prod(entry.shape, dtype=object))
    return np.fromfile(handle, dtype, count).reshape(entry.shape)


def _refused(label: str, reason: str) -> Refused:
    return Refused(
        "safetensors_header",
        f"{label!r} is not a valid safetensors file: {reason}. Download or save it again.",
    )
