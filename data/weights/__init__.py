"""Weights from a file: tensors only, read in a limited child, as plain arrays with the names they had.

.safetensors is preferred; .pt, .pth and .ckpt are opened with `weights_only=True` and never otherwise.
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
    """The tensors of a file by name, and what was done to their names.

    tensors  float16, float32, float64, whole numbers or bool; bfloat16 comes as float32, which is exact
    notes    sentences for people: where in the file they lay, which prefix was removed
    """

    tensors: dict[str, np.ndarray]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """Names and shapes of the tensors, without their values; notes as in `Weights`."""

    shapes: Shapes
    notes: tuple[str, ...]


def read(path: Path, label: str = "") -> Weights:
    """All tensors of a weights file; `Refused` says why it cannot be used.

    label: what the user calls the file, with its suffix, where the path is a generated name
    """
    frames = _ask(path, label or path.name, values=True)
    notes = next(frames).header["notes"]
    tensors = {f.header["name"]: _plain(f.arrays[0], f.header["dtype"]) for f in frames}
    return Weights(tensors, tuple(notes))


def outline(path: Path, label: str = "") -> Outline:
    """Names and shapes of a weights file, after the same checks but those of the values."""
    (frame,) = _ask(path, label or path.name, values=False)
    shapes = {name: tuple(shape) for name, shape in frame.header["shapes"].items()}
    return Outline(shapes, tuple(frame.header["notes"]))


def _ask(path: Path, label: str, *, values: bool) -> Iterator[Frame]:
    refuse_at_sight(path, label)
    request = {"path": str(path.absolute()), "label": label, "values": values}
    if label.lower().endswith(SUFFIXES[0]):
        return _run("safetensors", request, path)
    (checked,) = _run("archive", request, path)
    return _run("torch", {**request, **checked.header}, path)


def _run(task: str, request: dict[str, Any], path: Path) -> Iterator[Frame]:
    budget = sandbox.Budget(memory=2 * path.stat().st_size + 2**30, wall=120, cpu=120)
    return sandbox.run(f"weights_{task}", request, budget=budget)


def _plain(array: np.ndarray, dtype: str) -> np.ndarray:
    """bfloat16 is the upper half of a float32."""
    if dtype != "bfloat16":
        return array
    return (array.astype(np.uint32) << 16).view(np.float32)


def refuse_at_sight(path: Path, label: str) -> None:
    """What needs no parser: another kind of file, none, an empty one, and what is often saved instead."""
    if not label.lower().endswith(SUFFIXES):
        message = f"{label!r} is not a weights file. Expected {', '.join(SUFFIXES)}."
        raise Refused("file_type_not_allowed", message)
    if not path.is_file():
        raise Refused("source_missing", f"There is no file at {str(path)!r}.")
    if path.stat().st_size == 0:
        raise Refused("empty_file", f"{label!r} is empty.")
    with path.open("rb") as handle:
        start = handle.read(64).lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        message = f"{label!r} is a Git LFS pointer, not the weights. Run `git lfs pull`, then try again."
        raise Refused("checkpoint_lfs_pointer", message)
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        code = "safetensors_header" if label.lower().endswith(SUFFIXES[0]) else "checkpoint_corrupt"
        message = f"{label!r} is a web page, not weights: perhaps a page to log in. Download the file again."
        raise Refused(code, message)
