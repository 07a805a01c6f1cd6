"""Weights on their way into a model and out of it: read in the limited child, fitted, tried, stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from suture.data import weights
from suture.data.errors import Refused
from suture.models.checkpoints import hf_names
from suture.models.checkpoints.architecture import WEIGHTS
from suture.models.checkpoints.recognise import misfit
from suture.models.checkpoints.weights_match import compare, settled

State = dict[str, Tensor]
SHORT = 1e-8  # a vector of this length has no direction


def read_weights(path: Path, label: str = "") -> tuple[State, list[str]]:
    """(tensors of a weights file by name, what was done to them). `Refused` as `suture.data.weights.read`."""
    came = weights.read(path, label)
    return _named({k: torch.from_numpy(v) for k, v in came.tensors.items()}, came.notes)


def read_outline(path: Path, label: str = "") -> tuple[State, list[str]]:
    """As `read_weights`, but the tensors have shapes and no values."""
    came = weights.read_shapes(path, label)
    return _named({k: torch.empty(v, device="meta") for k, v in came.shapes.items()}, came.notes)


def _named(state: State, notes: tuple[str, ...]) -> tuple[State, list[str]]:
    if not hf_names.is_clip_model(state):
        return state, [*notes]
    said = "The names of Hugging Face's CLIPModel were turned into open_clip's."
    return hf_names.to_open_clip(state), [*notes, said]


def fit(model: nn.Module, state: State, source: str, architecture: str) -> None:
    """Load weights whose names and shapes must all agree with the model's, and whose kinds must."""
    wanted = model.state_dict()
    state = settled(state, wanted)
    found = compare(architecture, wanted, state, 0)
    if not found.exact:
        raise misfit(found, source)
    whole = [k for k, t in state.items() if wanted[k].is_floating_point() > t.is_floating_point()]
    if whole:
        kind = f"{source!r}: {whole[0]!r} holds whole numbers where {architecture} has floats."
        raise Refused("checkpoint_dtype", f"{kind} Save the weights as they were before quantisation.")
    model.load_state_dict(state, strict=False)


@torch.inference_mode()
def try_out(encoders: Mapping[str, Callable[[], Tensor]]) -> None:
    """Each encoder embeds two different inputs, twice: finite, not zero, not the same, and repeatable.

    `Refused` embedding_degenerate says which does not.
    """
    for name, encode in encoders.items():
        try:
            rows, again = encode(), encode()
        except (
            AssertionError,
            IndexError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:  # a config may be at odds with itself
            message = (
                f"The {name} encoder cannot take its own input ({type(error).__name__}). Check the config"
            )
            raise Refused("config_unreadable", f"{message}: vocabulary, context and image size.") from error
        if not torch.isfinite(rows).all() or (rows.norm(dim=1) <= SHORT).any():
            raise _degenerate(name, "gives vectors without a direction (zero or not finite)")
        if torch.equal(rows[0], rows[1]):
            raise _degenerate(name, "gives the same vector for different inputs")
        if not torch.equal(rows, again):
            raise _degenerate(name, "gives another vector each time")


def _degenerate(encoder: str, what: str) -> Refused:
    advice = "Was it trained, and saved whole? Take another checkpoint of the run."
    return Refused("embedding_degenerate", f"The checkpoint's {encoder} encoder {what}. {advice}")


def write_weights(state: State, folder: Path) -> None:
    """Store weights where a checkpoint of the workspace keeps them.

    Contiguous copies: safetensors refuses tensors that share memory.
    """
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}
    save_file(plain, folder / WEIGHTS)
