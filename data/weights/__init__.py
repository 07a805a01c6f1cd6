"""Read the weights of a file in a confined child: tensors only, as plain arrays by name.

.safetensors is preferred; .pt, .pth and .ckpt are only ever opened with `weights_only=True`.

archive           checks a .pt, .pth or .ckpt file before torch opens it
pickles           what a pickle would import
torch_file        reads what torch.save wrote
safetensors_file  reads .safetensors
state_dict        finds the state_dict in a training checkpoint
values            checks of shapes, types and values
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suture.data import sandbox
from suture.data.errors import Refused
from suture.data.sandbox import Frame

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt")
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Weights:
    """The tensors of a file by name, and how they were found.

    tensors  float16, float32, float64, integers or bool; bfloat16 becomes float32, which is exact
    notes    sentences for people: where in the file the tensors were, which prefix was removed
    """

    tensors: dict[str, np.ndarray]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TensorShapes:
    """Names and shapes of the tensors, without their values; `notes` as in `Weights`."""

    shapes: Shapes
    notes: tuple[str, ...]


def read(path: Path, label: str = "") -> Weights:
    """All tensors of a weights file; `Refused` says why it cannot be used.

    label  the user's name for the file, with its suffix, where the path is a generated name
    """
    frames = _ask(path, label or path.name, values=True)
    notes = next(frames).header["notes"]
    tensors = {f.header["name"]: _widen_bfloat16(f.arrays[0], f.header["dtype"]) for f in frames}
    return Weights(tensors, tuple(notes))


def read_shapes(path: Path, label: str = "") -> TensorShapes:
    """Names and shapes of the tensors of a weights file, after all checks except those of the values."""
    (frame,) = _ask(path, label or path.name, values=False)
    shapes = {name: tuple(shape) for name, shape in frame.header["shapes"].items()}
    return TensorShapes(shapes, tuple(frame.header["notes"]))


def _ask(path: Path, label: str, *, values: bool) -> Iterator[Frame]:
    check_file(path, label)
    request = {"path": str(path.absolute()), "label": label, "values": values}
    if label.lower().endswith(SUFFIXES[0]):
        return _run("safetensors", request, path)
    (checked,) = _run("archive", request, path)
    return _run("torch", {**request, **checked.header}, path)


def _run(task: str, request: dict[str, Any], path: Path) -> Iterator[Frame]:
    budget = sandbox.Budget(memory=2 * path.stat().st_size + 2**30, wall=120, cpu=120)
    return sandbox.run(f"weights_{task}", request, budget=budget)


def _widen_bfloat16(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array, with bfloat16 converted to float32, of which it is the upper half."""
    if dtype != "bfloat16":
        return array
    return (array.astype(np.uint32) << 16).view(np.float32)


def check_file(path: Path, label: str) -> None:
    """Checks that need no parser: suffix, existence, size, and web pages or LFS pointers saved by mistake."""
    if not label.lower().endswith(SUFFIXES):
        message = f"{label!r} is not a weights file. Expected {', '.join(SUFFIXES)}."
        raise Refused("file_type_not_allowed", message)
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}. Check the path.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{label!r} is empty. Copy or download it again.")
    with path.open("rb") as handle:
        start = handle.read(64).lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        message = f"{label!r} is a Git LFS pointer, not the weights. Run `git lfs pull`, then try again."
        raise Refused("checkpoint_lfs_pointer", message)
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        code = "safetensors_header" if label.lower().endswith(SUFFIXES[0]) else "checkpoint_corrupt"
        message = f"{label!r} is a web page, perhaps a log-in page, not weights. Download the file again."
        raise Refused(code, message)
