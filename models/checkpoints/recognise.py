"""Recognise the architecture of weights by the names and shapes of their tensors.

A few sizes (widths, layers, patch, vocabulary) select candidate architectures. Those are built without
memory (torch's meta device) and compared tensor by tensor. The user confirms the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from suture.data.errors import Refused
from suture.data.workspace import CHECKPOINT, Workspace
from suture.models import builtin
from suture.models.checkpoints import architecture
from suture.models.checkpoints.architecture import CONFIG
from suture.models.checkpoints.config_file import Config
from suture.models.checkpoints.weights_match import WeightsMatch, match_weights, mismatch, normalise_names

Known = dict[str, tuple[Config, Path | None]]  # name -> config, and the base folder of its relative paths
BUILT_IN_NAME, OWN = "suture-tiny", "checkpoint:"
TRIED = 16
SHOWN = 4  # candidates
State = Mapping[str, Tensor]
Facts = dict[str, object]


@dataclass(frozen=True)
class Recognised:
    """Candidate architectures, best first, and notes on how names were converted for the comparison."""

    matches: tuple[WeightsMatch, ...]
    notes: tuple[str, ...]

    def describe(self) -> str:
        """A sentence on which architectures fit, or how the nearest one differs."""
        exact = [match for match in self.matches if match.exact]
        if exact:
            names = " and ".join(match.architecture for match in exact)
            fits = f"The weights fit {names} exactly; {exact[0].parameters / 1e6:,.1f} M parameters."
            more = (
                " Weights do not show which it is; confirm the one it was trained with." if exact[1:] else ""
            )
            return " ".join([*self.notes, fits + more])
        if not self.matches:
            return " ".join([*self.notes, "The weights resemble no architecture that can be built here."])
        nearest = self.matches[0]
        message = f"The nearest is {nearest.architecture}, which does not fit."
        return " ".join([*self.notes, message, nearest.describe()])

    def to_json(self) -> dict[str, Any]:
        """All architectures that fit, or the nearest ones if none does."""
        exact = sum(match.exact for match in self.matches)
        shown = self.matches[: max(exact, SHOWN)]
        return {"candidates": [match.to_json() for match in shown], "notes": [*self.notes]}


def known_architectures(workspace: Workspace) -> Known:
    """Every architecture by name: Suture's own, open_clip's, and those of the workspace's checkpoints."""
    import open_clip

    known: Known = {BUILT_IN_NAME: (builtin.config(), builtin.FOLDER)}
    for name in open_clip.list_models():
        known[name] = ({"model_cfg": open_clip.get_model_config(name)}, None)
    for record in workspace.records(CHECKPOINT):
        known[OWN + record.name] = (json.loads(record.path(CONFIG).read_text()), record.folder)
    return _distinct(known)


def nearest_architectures(state: State, known: Known) -> tuple[WeightsMatch, ...]:
    """The architectures nearest to the weights, best first, starting with exact fits."""
    wanted = facts_of_weights(state)
    likeness = {name: _likeness(wanted, facts_of_config(config)) for name, (config, _) in known.items()}
    likely = sorted(known, key=lambda name: -likeness[name])[:TRIED]
    matches = [match for name in likely if (match := match_architecture(name, *known[name], state))]
    return tuple(sorted(matches, key=lambda match: match.distance))


def match_architecture(name: str, config: Config, folder: Path | None, state: State) -> WeightsMatch | None:
    """How the weights differ from one architecture; None if it needs files that are not here."""
    try:
        model = architecture.outline(config, folder)
    except Refused:
        return None
    wanted = model.state_dict()
    return match_weights(
        name, wanted, normalise_names(state, wanted), sum(p.numel() for p in model.parameters())
    )


def only_exact(matches: tuple[WeightsMatch, ...], source: str) -> WeightsMatch:
    """The only architecture that fits exactly; `Refused` if none or several do, with what differs."""
    exact = [match for match in matches if match.exact]
    if len(exact) == 1:
        return exact[0]
    if exact:
        names = ", ".join(match.architecture for match in exact)
        raise Refused(
            "architecture_ambiguous",
            f"{source!r} fits {names} equally: they differ in ways that weights do not show, such as the "
            f"activation (OpenAI's own weights need a -quickgelu one). Name the one it was trained with.",
        )
    if not matches:
        raise Refused("architecture_unknown", f"{source!r} resembles no architecture that can be built here.")
    raise mismatch(matches[0], source, nearest=True)


def facts_of_weights(state: State) -> Facts:
    """Sizes that can be read from the names and shapes of tensors; None where they cannot."""
    text = "text." if "text.token_embedding.weight" in state else ""
    facts: Facts = {
        "vocabulary": _size(state, f"{text}token_embedding.weight", 0),
        "text width": _size(state, f"{text}token_embedding.weight", 1),
        "context": _size(state, f"{text}positional_embedding", 0),
        "text layers": _count(state, rf"{text}transformer\.resblocks\.(\d{{1,4}})\."),
        "embedding": _size(state, f"{text}text_projection", 1),
        "captions": any(name.startswith("text_decoder.") for name in state),
    }
    if any(name.startswith("visual.trunk.") for name in state):
        return {**facts, "tower": "timm"}
    if "visual.layer1.0.conv1.weight" in state:
        blocks = [_count(state, rf"visual\.layer{i}\.(\d{{1,4}})\.") for i in (1, 2, 3, 4)]
        return {**facts, "tower": "resnet", "layers": blocks}
    return {
        **facts,
        "tower": "transformer",
        "width": _size(state, "visual.conv1.weight", 0),
        "patch": _size(state, "visual.conv1.weight", -1),
        "layers": _count(state, r"visual\.transformer\.resblocks\.(\d{1,4})\."),
        "places": _size(state, "visual.positional_embedding", 0),
    }


def facts_of_config(config: Config) -> Facts:
    """The same sizes as an open_clip config states them, with open_clip's defaults."""
    model = config["model_cfg"]
    vision, text = model["vision_cfg"], model["text_cfg"]
    facts: Facts = {"embedding": model["embed_dim"], "captions": "multimodal_cfg" in model}
    if not text.get("hf_model_name"):
        facts |= {"vocabulary": text.get("vocab_size", 49408), "text width": text.get("width", 512)}
        places = text.get("context_length", 77) + bool(
            text.get("embed_cls")
        )  # CoCa has one more for the text
        facts |= {"context": places, "text layers": text.get("layers", 12)}
    if vision.get("timm_model_name"):
        return {**facts, "tower": "timm"}
    layers = vision.get("layers", 12)
    if isinstance(layers, list | tuple):
        return {**facts, "tower": "resnet", "layers": [*layers]}
    patch, size = vision.get("patch_size", 16), vision.get("image_size", 224)
    height, width = (size, size) if isinstance(size, int) else size
    facts |= {"tower": "transformer", "width": vision.get("width", 768), "patch": patch, "layers": layers}
    return {**facts, "places": (height // patch) * (width // patch) + 1}


def _likeness(wanted: Facts, has: Facts) -> int:
    return sum(value is not None and has.get(name) == value for name, value in wanted.items())


def _size(state: State, name: str, axis: int) -> int | None:
    shape = state[name].shape if name in state else ()
    return int(shape[axis]) if len(shape) > max(axis, 0) else None


def _count(state: State, pattern: str) -> int | None:
    """One more than the highest number in names like the pattern's."""
    numbers = [int(match[1]) for name in state if (match := re.match(pattern, name))]
    return max(numbers) + 1 if numbers else None


def _distinct(known: Known) -> Known:
    """Remove duplicates: a model with two names keeps the first."""
    seen: dict[str, str] = {}
    for name, (config, folder) in known.items():
        local = str(folder) if architecture.local_paths(config) else ""
        seen.setdefault(local + json.dumps(config["model_cfg"], sort_keys=True), name)
    return {name: known[name] for name in seen.values()}
