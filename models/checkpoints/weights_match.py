"""Whether weights are those of an architecture, by names and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from suture.data.files.names import quoted

LISTED = 10
# Recomputed when absent, or bookkeeping of OpenAI's release: neither decides whether weights fit.
OPTIONAL = ("position_ids", "num_batches_tracked", "attn_mask")
BOOKKEEPING = ("input_resolution", "context_length", "vocab_size")
TEXT_PARTS = ("text_projection", "positional_embedding", "token_embedding.", "transformer.", "ln_final.")
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Fit:
    """How weights and an architecture disagree.

    missing     names that the architecture has and the weights lack
    unexpected  names that only the weights have
    shapes      "name is (1, 2), must be (3, 2)" where both have it
    parameters  numbers that the architecture learns
    """

    architecture: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[str, ...]
    parameters: int

    @property
    def exact(self) -> bool:
        """Nothing disagrees."""
        return not self.distance

    @property
    def distance(self) -> int:
        """How many tensors disagree."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def words(self) -> str:
        """What disagrees, at most ten of a kind; "" if nothing does."""
        kinds = {"Sizes differ": self.shapes, "Missing": self.missing}
        kinds["Not part of this architecture"] = self.unexpected
        return " ".join(f"{what}: {_listed(items)}." for what, items in kinds.items() if items)

    def to_json(self) -> dict[str, Any]:
        """The machine-readable form."""
        told = {"architecture": self.architecture, "exact": self.exact, "parameters": self.parameters}
        return {**told, "distance": self.distance, "differs": self.words()}

    @property
    def code(self) -> str:
        """The reason code of the worst disagreement."""
        return "checkpoint_shape_mismatch" if self.shapes or not self.missing else "checkpoint_keys_missing"


def settled(state: State, wanted: State) -> dict[str, Tensor]:
    """The weights under the names that the architecture uses, where only the convention differs.

    open_clip's text tower has the prefix `text.` in some architectures and none in others; a scale that was
    saved as one number in a list is the same number.
    """
    state = {k: v for k, v in state.items() if k in wanted or not _optional(k)}
    prefixed = any(k.startswith("text.") for k in wanted)
    if prefixed and "token_embedding.weight" in state:
        state = {f"text.{k}" if k.startswith(TEXT_PARTS) else k: v for k, v in state.items()}
    if not prefixed and "text.token_embedding.weight" in state:
        state = {k.removeprefix("text."): v for k, v in state.items()}
    return {k: v.reshape(()) if _one(k, v, wanted) else v for k, v in state.items()}


def compare(architecture: str, wanted: State, state: State, parameters: int) -> Fit:
    """Both as `settled` gives them; the tensors may have no values (torch's meta device)."""
    return Fit(
        architecture,
        tuple(quoted(k) for k in wanted if k not in state and not _optional(k)),
        tuple(quoted(k) for k in state if k not in wanted),
        tuple(
            f"{quoted(k)} is {tuple(state[k].shape)}, must be {tuple(wanted[k].shape)}"
            for k in wanted
            if k in state and state[k].shape != wanted[k].shape
        ),
        parameters,
    )


def _optional(name: str) -> bool:
    return name in BOOKKEEPING or name.endswith(OPTIONAL)


def _one(name: str, tensor: Tensor, wanted: State) -> bool:
    return tensor.shape == (1,) and name in wanted and wanted[name].shape == ()


def _listed(items: tuple[str, ...]) -> str:
    more = f"; and {len(items) - LISTED} more" if items[LISTED:] else ""
    return "; ".join(items[:LISTED]) + more
