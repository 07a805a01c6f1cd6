"""What the values of weights must be, whatever file they come from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from suture.data.errors import Refused
from suture.data.files.names import shown

FLOATS = ("float64", "float32", "float16", "bfloat16")
MUST_BE_FLOATS = ("weight", "bias")
MAX_AXES = 8  # what the child can send
MAX_SIZE = 2**40  # of all axes but those of length 0, where shapes come without values
INFINITE_BFLOAT16 = 0x7F80  # all bits of the exponent: infinite or not a number


def check_shapes(shapes: Mapping[str, Sequence[int]], label: str) -> None:
    """Shapes that arrays can have: what holds no value may claim any."""
    for name, shape in shapes.items():
        if len(shape) > MAX_AXES or math.prod(max(n, 1) for n in shape) > MAX_SIZE:
            message = f"{label!r}: {shown(name)} claims a shape that no weights have."
            raise Refused("checkpoint_shape_mismatch", f"{message} At most {MAX_AXES} axes are read.")


def check_kinds(dtypes: Mapping[str, str], label: str) -> None:
    """Weights are floats: one cannot embed with quantised ones. Buffers may be whole numbers."""
    whole = [name for name, dtype in dtypes.items() if name.endswith(MUST_BE_FLOATS) and dtype not in FLOATS]
    if whole or not set(dtypes.values()) & set(FLOATS):
        name = (whole or [*dtypes])[0]
        message = f"{label!r}: {shown(name)} is {dtypes[name]}; floats are needed."
        raise Refused("checkpoint_dtype", f"{message} Save the weights as they were before quantisation.")


def check_values(name: str, array: np.ndarray, dtype: str, label: str) -> None:
    """Every float is finite. bfloat16 comes as its bits, in uint16."""
    if dtype == "bfloat16":
        finite = bool(((array & INFINITE_BFLOAT16) != INFINITE_BFLOAT16).all())
    else:
        finite = dtype not in FLOATS or bool(np.isfinite(array).all())
    if not finite:
        message = (
            f"{label!r}: {shown(name)} has NaN or infinite values. Take an earlier checkpoint of the run."
        )
        raise Refused("checkpoint_not_finite", message)
