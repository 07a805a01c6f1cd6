"""Checks of shapes, types and values of weights, for any file format."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from suture.data.errors import Refused
from suture.data.files.names import quoted

FLOATS = ("float64", "float32", "float16", "bfloat16")
MUST_BE_FLOATS = ("weight", "bias")
MAX_AXES = 8  # the most that the child can send
MAX_SIZE = 2**40  # product of all axes except those of length 0, where shapes come without values
INFINITE_BFLOAT16 = 0x7F80  # all exponent bits set: infinite or NaN


def check_shapes(shapes: Mapping[str, Sequence[int]], label: str) -> None:
    """`Refused` for shapes that no array can have; a tensor without values can declare any shape."""
    for name, shape in shapes.items():
        if len(shape) > MAX_AXES or math.prod(max(n, 1) for n in shape) > MAX_SIZE:
            message = f"{label!r}: {quoted(name)} declares a shape that no weights have."
            raise Refused("checkpoint_shape_mismatch", f"{message} At most {MAX_AXES} axes are read.")


def check_kinds(dtypes: Mapping[str, str], label: str) -> None:
    """`Refused` for quantised weights, which cannot be used to embed. Buffers may be integers."""
    whole = [name for name, dtype in dtypes.items() if name.endswith(MUST_BE_FLOATS) and dtype not in FLOATS]
    if whole or not set(dtypes.values()) & set(FLOATS):
        name = (whole or [*dtypes])[0]
        message = f"{label!r}: {quoted(name)} has type {dtypes[name]}. Expected floats."
        raise Refused("checkpoint_dtype", f"{message} Save the weights from before quantisation.")


def check_values(name: str, array: np.ndarray, dtype: str, label: str) -> None:
    """`Refused` unless every float is finite. bfloat16 is given as its bits, in uint16."""
    if dtype == "bfloat16":
        finite = bool(((array & INFINITE_BFLOAT16) != INFINITE_BFLOAT16).all())
    else:
        finite = dtype not in FLOATS or bool(np.isfinite(array).all())
    if not finite:
        message = (
            f"{label!r}: {quoted(name)} has NaN or infinite values. Use an earlier checkpoint of the run."
        )
        raise Refused("checkpoint_not_finite", message)
