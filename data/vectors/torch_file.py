"""In the child: read what torch.save wrote: modality -> tensor, with lists or tensors that describe the rows.

Nothing but tensors, texts and numbers is ever made of the file: its pickle is checked first, and torch opens
it with `weights_only=True`. Names and values of a mapping inside the file count as its own, so
{"embeddings": {"image": x, "text": y}, "ids": [...]} is read as if it were flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from suture.data.errors import Refused
from suture.data.files.names import quoted
from suture.data.vectors.blocks import rows_of
from suture.data.vectors.reading import check_name, send_array
from suture.data.weights.archive import check
from suture.data.weights.torch_file import check_sizes, load

DEPTH = 3
SAVE = (
    "Save a dict of tensors and lists of text: torch.save({'image': x, 'text': y, 'ids': ids}, 'vectors.pt')."
)
FAULTS = {  # code of a weights file -> (code, fault) of vectors
    "checkpoint_unsafe": ("pt_unsafe", "would run code when it is opened, so it was not opened"),
    "checkpoint_is_torchscript": ("pt_unsafe", "is a TorchScript program, so it was not opened"),
    "checkpoint_not_weights_only": ("pt_not_tensors", "holds Python objects beside its tensors"),
    "checkpoint_too_large": ("pt_corrupt", "would grow when it is read, but torch.save does not compress"),
    "checkpoint_corrupt": ("pt_corrupt", "cannot be read: it is damaged, or torch.save did not write it"),
    "checkpoint_shape_mismatch": ("pt_corrupt", "has a tensor that claims more values than the file holds"),
    "checkpoint_dtype": ("embedding_dtype", "has a tensor that is not dense, or of an unsupported type"),
}


def task(request: dict[str, Any], send: Callable[..., None]) -> None:
    """Send every tensor and list of every file, as `reading.task` does."""
    seen: set[str] = set()
    for label, place in request["files"]:
        for name, values in _named(Path(place), label):
            check_name(name, seen, label)
            for block in _blocks(name, values):
                send_array(name, block, send)


def _named(path: Path, label: str) -> Iterator[tuple[str, Any]]:
    try:
        content = load(path, label, check(path, label))
        found = [*_items(content, PurePosixPath(label).stem, DEPTH)]
        check_sizes({name: x for name, x in found if isinstance(x, Tensor)}, path.stat().st_size, label)
    except Refused as error:
        if error.code not in FAULTS:
            raise
        code, fault = FAULTS[error.code]
        raise Refused(code, f"{quoted(label)} {fault}. {SAVE}") from error
    if not found:
        raise Refused("pt_not_tensors", f"{quoted(label)} has no tensors. {SAVE}")
    return iter(found)


def _items(content: object, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """(name, tensor or list) of what a file holds; single values are ignored."""
    if isinstance(content, Mapping):
        if depth:
            for key, value in content.items():
                yield from _items(value, str(key), depth - 1)
    elif isinstance(content, Tensor | list | tuple):
        yield name, content


def _blocks(name: str, values: Any) -> Iterator[np.ndarray]:
    """The values as numpy, vectors in blocks of rows; bfloat16 becomes float32, which is exact."""
    if not isinstance(values, Tensor):
        if any(not isinstance(v, str | int | float | bool | None) for v in values):
            message = f"{quoted(name)} is a list of other things than texts and numbers. {SAVE}"
            raise Refused("pt_not_tensors", message)
        yield np.array(["" if v is None else str(v) for v in values], dtype=object)
        return
    plain = values.detach().resolve_neg()
    if plain.ndim != 2 or not plain.numel():
        yield _numpy(plain)
        return
    for part in plain.split(rows_of(plain.shape[1], np.dtype(np.float64))):
        yield _numpy(part)


def _numpy(tensor: Tensor) -> np.ndarray:
    return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).contiguous().numpy())
