"""The frames between child and parent: a JSON header and plain arrays. Nothing in them can be executed."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

LENGTH = struct.Struct(">Q")
TICK = "tick"
MAX_HEADER = 256 * 2**20
MAX_ARRAY = 64 * 2**30
DTYPES = {"bool", "float16", "float32", "float64"} | {
    f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)
}


class Stream(Protocol):
    """A stream for frames, whose `write` writes everything."""

    def write(self, content: Any, /) -> Any:
        """Write every byte."""
        ...


Read = Callable[[int], memoryview]  # exactly that many bytes; EOFError if there are fewer


@dataclass(frozen=True)
class Frame:
    """One answer: `header` is JSON, `arrays` are C-contiguous and writable."""

    header: dict[str, Any]
    arrays: tuple[np.ndarray, ...] = ()


def is_tick(header: dict[str, Any]) -> bool:
    """Whether an answer only says that the work is going on."""
    return header.get("kind") == TICK


def write(stream: Stream, header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
    """Write one frame. ValueError for an array of other types than plain numbers."""
    shapes = []
    for array in arrays:
        if array.dtype.name not in DTYPES or array.dtype.byteorder == ">":
            raise ValueError(f"Arrays of {array.dtype} cannot be sent.")
        shapes.append([array.dtype.name, list(array.shape)])
    head = json.dumps({"header": header, "arrays": shapes}).encode()
    stream.write(LENGTH.pack(len(head)))
    stream.write(head)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def read(take: Read) -> Frame:
    """The next frame. ValueError for anything else: the other side is not trusted."""
    (length,) = LENGTH.unpack(take(LENGTH.size))
    if length > MAX_HEADER:
        raise ValueError("The header is too long.")
    try:
        content = json.loads(bytes(take(length)))
        header, shapes = dict(content["header"]), list(content["arrays"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("Not a frame.") from error
    return Frame(header, tuple(_array(take, name, shape) for name, shape in shapes))


def _array(take: Read, name: object, shape: object) -> np.ndarray:
    if name not in DTYPES or not isinstance(shape, list) or len(shape) > 8:
        raise ValueError("Not an array.")
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError("Not a shape.")
    dtype = np.dtype(str(name))
    size = dtype.itemsize
    for n in shape:
        size *= n
    if size > MAX_ARRAY:
        raise ValueError("The array is too large.")
    return np.frombuffer(take(size), dtype).reshape(shape)
