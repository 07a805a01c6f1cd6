"""Match weights to an architecture by names and shapes, and load them if they match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from suture.data.errors import Refused
from suture.data.files.names import quoted

LISTED = 10
# Recomputed when absent, or bookkeeping of OpenAI's release: irrelevant to whether weights match.
OPTIONAL = ("position_ids", "num_batches_tracked", "attn_mask")
BOOKKEEPING = ("input_resolution", "context_length", "vocab_size")
TEXT_PARTS = ("text_projection", "positional_embedding", "token_embedding.", "transformer.", "ln_final.")
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class WeightsMatch:
    """How weights and an architecture differ.

    missing     names that the architecture has and the weights lack
    unexpected  names that only the weights have
    shapes      "name is (1, 2), must be (3, 2)" where both have it
    parameters  number of learnable parameters of the architecture
    """

    architecture: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    shapes: tuple[str, ...]
    parameters: int

    @property
    def exact(self) -> bool:
        """No tensor differs."""
        return not self.distance

    @property
    def distance(self) -> int:
        """How many tensors differ."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)

    def describe(self) -> str:
        """What differs, at most ten tensors of a kind; "" if nothing does."""
        kinds = {"Sizes differ": self.shapes, "Missing": self.missing}
        kinds["Not part of this architecture"] = self.unexpected
        return " ".join(f"{what}: {_listed(items)}." for what, items in kinds.items() if items)

    def to_json(self) -> dict[str, Any]:
        """The machine-readable form."""
        return {
            "architecture": self.architecture,
            "exact": self.exact,
            "parameters": self.parameters,
            "distance": self.distance,
            "differs": self.describe(),
        }

    @property
    def code(self) -> str:
        """The reason code of the worst difference."""
        return "checkpoint_shape_mismatch" if self.shapes or not self.missing else "checkpoint_keys_missing"


def normalise_names(state: State, wanted: State) -> dict[str, Tensor]:
    """The weights under the names of the architecture where only the naming convention differs.

    open_clip's text tower has the prefix `text.` in some architectures and none in others; a scale that was
    saved as a list of one number is the same number.
    """
    state = {k: v for k, v in state.items() if k in wanted or not _optional(k)}
    prefixed = any(k.startswith("text.") for k in wanted)
    if prefixed and "token_embedding.weight" in state:
        state = {f"text.{k}" if k.startswith(TEXT_PARTS) else k: v for k, v in state.items()}
    if not prefixed and "text.token_embedding.weight" in state:
        state = {k.removeprefix("text."): v for k, v in state.items()}
    return {k: v.reshape(()) if _is_scalar(k, v, wanted) else v for k, v in state.items()}


def match_weights(architecture: str, wanted: State, state: State, parameters: int) -> WeightsMatch:
    """Compare weights after `normalise_names`; the tensors may be without values (torch's meta device)."""
    return WeightsMatch(
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


def load_matching(model: nn.Module, state: State, source: str, architecture: str) -> None:
    """Load weights into a model. `Refused` unless all names, shapes and kinds of number agree."""
    wanted = model.state_dict()
    state = normalise_names(state, wanted)
    match = match_weights(architecture, wanted, state, 0)
    if not match.exact:
        raise mismatch(match, source)
    integers = [k for k, t in state.items() if wanted[k].is_floating_point() > t.is_floating_point()]
    if integers:
        message = f"{source!r}: {integers[0]!r} holds integers where {architecture} has floats."
        raise Refused("checkpoint_dtype", f"{message} Save the weights as they were before quantisation.")
    model.load_state_dict(state, strict=False)


def mismatch(match: WeightsMatch, source: str, *, nearest: bool = False) -> Refused:
    """The refusal of weights that do not match; nearest: this architecture is the nearest of all known."""
    if nearest:
        start = f"{source!r} fits no architecture known here; the nearest is {match.architecture}."
    else:
        start = f"{source!r} does not fit the architecture {match.architecture}."
    advice = "Name the architecture that the weights were trained with (an open_clip name or a config .json)."
    return Refused(match.code, f"{start} {match.describe()} {advice}")


def _optional(name: str) -> bool:
    return name in BOOKKEEPING or name.endswith(OPTIONAL)


def _is_scalar(name: str, tensor: Tensor, wanted: State) -> bool:
    return tensor.shape == (1,) and name in wanted and wanted[name].shape == ()


def _listed(items: tuple[str, ...]) -> str:
    more = f"; and {len(items) - LISTED} more" if items[LISTED:] else ""
    return "; ".join(items[:LISTED]) + more
