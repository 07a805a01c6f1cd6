"""Sources of checkpoints: file, folder, config or hub -> model with weights, config and tokenizer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suture.data.errors import Refused
from suture.data.files.names import full_path
from suture.data.weights import SUFFIXES
from suture.data.workspace import CHECKPOINT, Workspace
from suture.models import builtin
from suture.models.checkpoints import architecture
from suture.models.checkpoints.architecture import CONFIG
from suture.models.checkpoints.config_file import Config, read_config
from suture.models.checkpoints.recognise import (
    BUILT_IN_NAME,
    OWN,
    Recognised,
    known_architectures,
    nearest_architectures,
    only_exact,
)
from suture.models.checkpoints.weights_file import read_outline, read_weights
from suture.models.checkpoints.weights_match import load_matching


@dataclass(frozen=True)
class CheckpointSource:
    """Where a checkpoint comes from.

    location      an open_clip architecture, "hf-hub:owner/name", a weights file, a config .json, or a
                  folder with open_clip_config.json
    pretrained    tag of the weights of an open_clip architecture
    architecture  of a weights file: open_clip name, config .json, suture-tiny, or checkpoint:NAME for the
                  architecture of a checkpoint in the workspace; "" = the only one that fits exactly
    resize        how images become square if the config does not say: squash, shortest, longest
    download      whether downloads from the hub are allowed
    label         name to show for a file whose location is a generated name
    """

    location: str
    pretrained: str = ""
    architecture: str = ""
    resize: str = "squash"
    download: bool = False
    label: str = ""

    def __post_init__(self) -> None:
        path = full_path(self.location)
        if not self.location.startswith("hf-hub:") and path.exists():
            object.__setattr__(self, "location", str(path))


@dataclass
class Built:
    """A model ready to be added to the workspace. Relative paths of the config start from `folder`."""

    model: Any
    config: dict[str, Any]
    tokenizer: Any
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)


def build(workspace: Workspace, source: CheckpointSource) -> Built:
    """Build the model of a source; `Refused` says what is wrong with it."""
    path = Path(source.location)
    if source.location.startswith("hf-hub:") or (source.pretrained and not path.exists()):
        return _from_hub(source)
    if path.is_dir():
        return _from_folder(path, source)
    if path.suffix.lower() == ".json":
        return _from_config(path, source)
    if is_weights(source) or path.exists():
        return _from_weights(workspace, path, source)
    raise Refused(
        "source_missing",
        f"{source.location!r} is neither a file, nor a folder, nor `hf-hub:owner/name`. For an "
        f"open_clip architecture give the tag of its weights too (--pretrained).",
    )


def is_weights(source: CheckpointSource) -> bool:
    """Whether the source is a file of weights alone, which does not state its architecture."""
    return (source.label or source.location).lower().endswith(SUFFIXES)


def recognise_architecture(workspace: Workspace, source: CheckpointSource) -> Recognised:
    """The architectures nearest to a weights file. `Refused` if the file cannot be read."""
    with hub_access(False):
        state, notes = read_outline(Path(source.location), source.label)
        matches = nearest_architectures(state, known_architectures(workspace))
    return Recognised(matches, tuple(notes))


@contextmanager
def hub_access(allowed: bool) -> Iterator[None]:
    """Allow requests to the hub inside this block, or make each fail immediately."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = not allowed
    os.environ["HF_HUB_OFFLINE"] = "0" if allowed else "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        os.environ["HF_HUB_OFFLINE"] = "1" if before else "0"


def _from_hub(source: CheckpointSource) -> Built:
    """Weights published for an open_clip architecture, or an hf-hub: name."""
    import open_clip

    if not source.download:
        raise Refused(
            "download_not_allowed",
            f"{source.location!r} has to be downloaded. Allow it (--download), or give a local file.",
        )
    tag = source.pretrained or None
    try:
        config = _hub_config(source)
        model, _, _ = open_clip.create_model_and_transforms(source.location, pretrained=tag)
        tokenizer = open_clip.get_tokenizer(source.location)
        if tag is None and not _hub_weights(source.location):
            raise RuntimeError("the repository holds no weights")
    except Refused:
        raise
    except Exception as error:  # hub, config and weight errors come in a dozen types
        tags = open_clip.list_pretrained_tags_by_model(source.location)
        hint = f" Tags of this architecture: {', '.join(tags)}." if tags else ""
        raise Refused(
            "checkpoint_unavailable", f"{source.location!r} could not be downloaded: {error}.{hint}"
        ) from error
    return Built(model, {"model_cfg": config, "preprocess_cfg": architecture.preprocess(model)}, tokenizer)


def _hub_config(source: CheckpointSource) -> dict[str, Any]:
    import open_clip
    from huggingface_hub import hf_hub_download

    if source.location.startswith("hf-hub:"):
        path = hf_hub_download(source.location.removeprefix("hf-hub:"), CONFIG)  # asked for  # nosec B615
        return read_config(Path(path))["model_cfg"]
    return open_clip.get_model_config(source.location)


def _hub_weights(location: str) -> bool:
    """Whether a repository has weights: open_clip only logs a warning if it has none."""
    from open_clip.pretrained import download_pretrained_from_hf

    return bool(download_pretrained_from_hf(location.removeprefix("hf-hub:")))


def _from_folder(folder: Path, source: CheckpointSource) -> Built:
    config = read_config(folder / CONFIG)
    weights = next((p for s in SUFFIXES for p in sorted(folder.glob(f"*{s}"))), None)
    if weights is None:
        raise Refused("checkpoint_keys_missing", f"{str(folder)!r} holds no weights file.")
    state, notes = read_weights(weights)
    model = architecture.instantiate(config, folder)
    load_matching(model, state, weights.name, f"of {CONFIG}")
    config["preprocess_cfg"] = architecture.preprocess(model) | (config.get("preprocess_cfg") or {})
    return Built(model, config, architecture.tokenizer(config, folder), folder, notes)


def _from_config(path: Path, source: CheckpointSource) -> Built:
    """A custom open_clip config, with towers from local folders and their own weights."""
    config = read_config(path)
    folder = architecture.root_of(config, path)
    _check_towers(config, folder)
    model = architecture.instantiate(config, folder, pretrained=True)
    stated = config.get("preprocess_cfg") or {}
    config["preprocess_cfg"] = architecture.timm_preprocess(model, source.resize) | stated
    notes = ["Its projection heads are untrained: train it before you read its retrieval scores."]
    return Built(model, config, architecture.tokenizer(config, folder), folder, notes)


def _check_towers(config: Config, folder: Path) -> None:
    """timm and transformers read the towers' weights: only .safetensors, checked in the child process."""
    for key, place in architecture.local_paths(config).items():
        if key[1] != "hf_tokenizer_name":
            read_weights(Path(os.path.normpath(folder.absolute() / place)) / "model.safetensors")


def _from_weights(workspace: Workspace, path: Path, source: CheckpointSource) -> Built:
    label = source.label or path.name
    state, notes = read_weights(path, label)
    if source.architecture:
        name = source.architecture
    else:
        match = only_exact(nearest_architectures(state, known_architectures(workspace)), label)
        name = match.architecture
        notes.append(f"By names and shapes it is {name}, {match.parameters / 1e6:,.1f} M parameters.")
    config, folder = _architecture(workspace, name)
    model = architecture.instantiate(config, folder)
    load_matching(model, state, label, name)
    stated = config.get("preprocess_cfg") or {}
    config["preprocess_cfg"] = architecture.timm_preprocess(model, source.resize) | stated
    return Built(model, config, architecture.tokenizer(config, folder), folder, notes)


def _architecture(workspace: Workspace, name: str) -> tuple[Config, Path | None]:
    """The config of a named architecture, and the folder that its relative paths start from."""
    import open_clip

    if name == BUILT_IN_NAME:
        return builtin.config(), builtin.FOLDER
    if name.startswith(OWN):
        record = workspace.record(CHECKPOINT, name.removeprefix(OWN))
        return read_config(record.path(CONFIG)), record.folder
    if name.endswith(".json"):
        config = read_config(Path(name))
        return config, architecture.root_of(config, Path(name))
    config = open_clip.get_model_config(name)
    if config is None:
        raise Refused(
            "architecture_unknown",
            f"open_clip has no architecture {name!r}. For example: ViT-B-32, RN50, "
            f"coca_ViT-B-32; or give a config .json.",
        )
    return {"model_cfg": config}, None
