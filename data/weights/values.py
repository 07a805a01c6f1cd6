"""What the values of weights must be, whatever file they come from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data.errors import Refused
from data.names import shown

FLOATS = ("float64", "float32", "float16", "bfloat16")
MUST_BE_FLOATS = ("weight", "bias")
INFINITE_BFLOAT16 = 0x7F80  # all bits of the exponent: infinite or not a number


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
