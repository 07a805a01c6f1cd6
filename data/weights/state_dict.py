"""Find the state_dict in a training checkpoint, and remove the prefixes that wrappers add to its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suture.data.errors import Refused

STATE_DICT_KEYS = (  # of Lightning, open_clip, timm and scripts; averaged weights last
    *("state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params"),
    *("ema", "model_ema", "state_dict_ema", "ema_state_dict"),
)
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "clip.", "clip_model.")
DEPTH = 4
MAX_TENSORS = 5_000


def find_state_dict(content: object, label: str) -> tuple[dict[str, Any], list[str]]:
    """(tensors by their original names, notes on how they were found).

    Anything with a dtype counts as a tensor. `Refused` if there are none, or too many.
    """
    content, notes = _innermost_mapping(content)
    state = {k: v for k, v in content.items() if isinstance(k, str) and hasattr(v, "dtype")}
    if not state:
        message = f"{label!r} has no tensors. Expected a state_dict (names and tensors)."
        raise Refused("checkpoint_keys_missing", message)
    if len(state) > MAX_TENSORS:
        message = f"{label!r} lists {len(state):,} tensors; no known architecture has over {MAX_TENSORS:,}."
        raise Refused("checkpoint_shape_mismatch", message)
    for _ in range(DEPTH):
        prefix = next((p for p in PREFIXES if all(k.startswith(p) and k != p for k in state)), None)
        if prefix is None:
            break
        state = {k.removeprefix(prefix): v for k, v in state.items()}
        notes.append(f"The prefix {prefix!r} was removed from its names.")
    return state, notes


def _innermost_mapping(content: object) -> tuple[Mapping[Any, Any], list[str]]:
    """(the nested mapping that holds the tensors, found by the usual keys; notes)."""
    notes: list[str] = []
    for _ in range(DEPTH):
        if not isinstance(content, Mapping):
            return {}, notes
        if any(hasattr(v, "dtype") and isinstance(k, str) and "." in k for k, v in content.items()):
            break
        nest = next((k for k in STATE_DICT_KEYS if isinstance(content.get(k), Mapping)), None)
        if nest is None:
            break
        content = content[nest]
        notes.append(f"The weights were taken from its {nest!r}.")
    return (content if isinstance(content, Mapping) else {}), notes
