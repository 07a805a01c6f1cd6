"""Which architecture weights belong to: told from names and shapes, and confirmed by whoever adds them.

A few sizes (widths, layers, patch, vocabulary) choose the architectures worth building; those are built
without memory (torch's meta device) and compared tensor by tensor.
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
from suture.models.checkpoints.weights_match import Fit, compare, settled

Known = dict[str, tuple[Config, Path | None]]  # name -> config, and the folder its relative paths lead from
BUILT_IN_NAME, OWN = "suture-tiny", "checkpoint:"
TRIED = 16
SHOWN = 4  # candidates
State = Mapping[str, Tensor]
Facts = dict[str, object]


@dataclass(frozen=True)
class Recognised:
    """What weights are taken for: fits, best first, and what was done to the names to compare them."""

    fits: tuple[Fit, ...]
    notes: tuple[str, ...]

    def words(self) -> str:
        """For people: which architectures fit, or how far the nearest is from it."""
        exact = [fit for fit in self.fits if fit.exact]
        if exact:
            names = " and ".join(fit.architecture for fit in exact)
            fits = f"The weights fit {names} exactly; {exact[0].parameters / 1e6:,.1f} M parameters."
            more = (
                " Weights do not show which it is; confirm the one it was trained with." if exact[1:] else ""
            )
            return " ".join([*self.notes, fits + more])
        if not self.fits:
            return " ".join([*self.notes, "The weights resemble no architecture that can be built here."])
        near = self.fits[0]
        return " ".join(
            [*self.notes, f"The nearest is {near.architecture}, which does not fit.", near.words()]
        )

    def to_json(self) -> dict[str, Any]:
        """All that fit, and the nearest of the others."""
        exact = sum(fit.exact for fit in self.fits)
        shown = self.fits[: max(exact, SHOWN)]
        return {"candidates": [fit.to_json() for fit in shown], "notes": [*self.notes]}


def known(workspace: Workspace) -> Known:
    """Every architecture by name: Suture's own, open_clip's, and those of the workspace's checkpoints."""
    import open_clip

    found: Known = {BUILT_IN_NAME: (builtin.config(), builtin.FOLDER)}
    for name in open_clip.list_models():
        found[name] = ({"model_cfg": open_clip.get_model_config(name)}, None)
    for record in workspace.records(CHECKPOINT):
        found[OWN + record.name] = (json.loads(record.path(CONFIG).read_text()), record.folder)
    return _different(found)


def guess(state: State, among: Known) -> tuple[Fit, ...]:
    """The architectures nearest to the weights, best first; those that fit exactly come before all others."""
    wanted = facts_of_weights(state)
    likeness = {name: _likeness(wanted, facts_of_config(config)) for name, (config, _) in among.items()}
    likely = sorted(among, key=lambda name: -likeness[name])[:TRIED]
    fits = [fit for name in likely if (fit := fit_of(name, *among[name], state))]
    return tuple(sorted(fits, key=lambda fit: fit.distance))


def fit_of(name: str, config: Config, folder: Path | None, state: State) -> Fit | None:
    """How the weights fit one architecture; None if it needs files that are not here."""
    try:
        model = architecture.outline(config, folder)
    except Refused:
        return None
    wanted = model.state_dict()
    return compare(name, wanted, settled(state, wanted), sum(p.numel() for p in model.parameters()))


def choose(fits: tuple[Fit, ...], source: str) -> Fit:
    """The one architecture that fits exactly; `Refused` says what does not, or between which to choose."""
    exact = [fit for fit in fits if fit.exact]
    if len(exact) == 1:
        return exact[0]
    if exact:
        names = ", ".join(fit.architecture for fit in exact)
        raise Refused(
            "architecture_ambiguous",
            f"{source!r} fits {names} alike: they differ in what weights do not show, such as the activation "
            f"(OpenAI's own weights need a -quickgelu one). Name the one it was trained with.",
        )
    if not fits:
        raise Refused("architecture_unknown", f"{source!r} resembles no architecture that can be built here.")
    raise misfit(fits[0], source, nearest=True)


def misfit(fit: Fit, source: str, *, nearest: bool = False) -> Refused:
    """The refusal of weights that do not fit."""
    whom = f"no architecture known here; the nearest is {fit.architecture}" if nearest else fit.architecture
    start = f"{source!r} fits {whom}." if nearest else f"{source!r} does not fit the architecture {whom}."
    advice = "Name the architecture that the weights were trained with (an open_clip name or a config .json)."
    return Refused(fit.code, f"{start} {fit.words()} {advice}")


def facts_of_weights(state: State) -> Facts:
    """Sizes that names and shapes tell, as far as they do."""
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
        places = text.get("context_length", 77) + bool(text.get("embed_cls"))  # CoCa has one for the text
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


def _different(found: Known) -> Known:
    """The same model under two names is one architecture: the first name stays."""
    seen: dict[str, str] = {}
    for name, (config, folder) in found.items():
        local = str(folder) if architecture.local_paths(config) else ""
        seen.setdefault(local + json.dumps(config["model_cfg"], sort_keys=True), name)
    return {name: found[name] for name in seen.values()}
