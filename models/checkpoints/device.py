"""Choose the device and the precision to compute in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from suture.data.errors import Refused


def pick_device(wanted: str = "auto") -> torch.device:
    """The requested device; "auto" = cuda, else mps, else cpu. `Refused` if it is not available."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, usable in there.items() if usable))
    if not there.get(wanted.partition(":")[0]):
        usable = ", ".join(name for name, is_there in there.items() if is_there)
        raise Refused("device_missing", f"There is no device {wanted!r} here. Use auto or one of: {usable}.")
    return torch.device(wanted)


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 autocast on a GPU that supports it; on CPUs without AMX it is slower than float32."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()
