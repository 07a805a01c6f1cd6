"""Checkpoints by name. Whatever they came from, in the workspace they are one thing: an open_clip
config, safetensors, and the small files that its towers and tokenizer need. So they work offline.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from data.errors import Refused, UserError
from data.report import IntakeReport, refusal
from data.workspace import CHECKPOINT, Record, Workspace, check_name
from models import architecture, builtin
from models.architecture import BPE, CONFIG, WEIGHTS, Config
from models.checkpoints import SUFFIXES, State, fit, read_weights
from models.device import pick_device
from models.encoders import Checkpoint, Encoder, ImageEncoder, TabularEncoder, TextEncoder

TABULAR_CONFIG, TABULAR_WEIGHTS = "tabular.json", "tabular.safetensors"


@dataclass(frozen=True)
class Source:
    """Where a checkpoint comes from.

    location      an open_clip architecture, "hf-hub:owner/name", a weights file, a config .json, or a
                  folder with open_clip_config.json
    pretrained    tag of the weights of an open_clip architecture
    architecture  what a weights file fits: open_clip name or config .json; "" = the built-in one
    resize        how pictures become square where the config does not say: squash, shortest, longest
    download      whether the hub may be asked
    """

    location: str
    pretrained: str = ""
    architecture: str = ""
    resize: str = "squash"
    download: bool = False


@dataclass
class _Built:
    """A model on its way into the workspace."""

    model: Any
    config: dict[str, Any]
    tokenizer: Any
    folder: Path | None = None  # where relative paths of the config lead
    notes: list[str] = field(default_factory=list)


def add(workspace: Workspace, source: Source, name: str) -> IntakeReport:
    """Check a checkpoint, try it on a small batch, and keep it under `name`. Never raises for bad
    input: the report says what was refused and why.
    """
    try:
        check_name(name)
        workspace.refuse_taken(CHECKPOINT, name)
        with hub_access(source.download):
            built = _build(source)
            _smoke_test(built)
            notes = _publish(workspace, name, built, source)
    except UserError as error:
        return refusal(error, found=1)
    text = " ".join([f"Checkpoint {name!r} is ready.", *notes])
    return IntakeReport(1, 1, {}, None, text)


def load(workspace: Workspace, name: str, *, device: str = "auto", fresh: bool = False) -> Checkpoint:
    """The encoders of a checkpoint of the workspace, or of a built-in one.

    fresh = its architecture with new weights, drawn from torch's global generator.
    """
    record = ensure(workspace, name)
    where = pick_device(device)
    config = json.loads(record.path(CONFIG).read_text())
    model = architecture.instantiate(config, record.folder)
    if not fresh:
        model.load_state_dict(load_file(record.path(WEIGHTS)), strict=False)
    model.to(where).eval()
    dim = config["model_cfg"]["embed_dim"]
    encoders: dict[Any, Encoder] = {
        "image": ImageEncoder(model, architecture.transform(config), dim, where),
        "text": TextEncoder(model, architecture.tokenizer(config, record.folder), dim, where),
    }
    if TABULAR_CONFIG in record.files:
        encoders["tabular"] = _tabular(record, dim, where)
    return Checkpoint(name, encoders, dim, record.fingerprint, record.meta)


def kinds(record: Record) -> list[str]:
    """Kinds of modality that a checkpoint has encoders for, without loading it."""
    return ["image", "text", *(["tabular"] if TABULAR_CONFIG in record.files else [])]


def model_of(checkpoint: Checkpoint) -> Any:
    """The open_clip model behind the encoders of a loaded checkpoint."""
    encoder = checkpoint.encoders["image"]
    assert isinstance(encoder, ImageEncoder)
    return encoder.model


def write_weights(state: State, folder: Path) -> None:
    """Store weights where a checkpoint of the workspace keeps them."""
    save_file(_storable(state), folder / WEIGHTS)


def name_of(workspace: Workspace, provenance: dict[str, Any]) -> str:
    """Present name of the checkpoint that made a set, also after it was renamed.

    `Refused` when it is gone, or its weights are not those that made the set.
    """
    for record in workspace.records(CHECKPOINT):
        same = record.id == provenance.get("checkpoint_id")
        if same and record.fingerprint == provenance.get("checkpoint_hash"):
            return record.name
    raise Refused(
        "checkpoint_gone",
        f"The checkpoint {provenance.get('checkpoint')!r} that made these vectors is not here any more.",
    )


def ensure(workspace: Workspace, name: str) -> Record:
    """The record of a checkpoint; a built-in one is put into the workspace on first use."""
    if not workspace.has(CHECKPOINT, name) and name in builtin.NAMES:
        with workspace.staging() as folder:
            builtin.write(name, folder)
            meta = {**builtin.meta(name), **_versions()}
            try:
                return workspace.publish(CHECKPOINT, name, folder, meta)
            except Refused:  # another process was first
                pass
    return workspace.record(CHECKPOINT, name)


@contextmanager
def hub_access(allowed: bool) -> Iterator[None]:
    """Let the hub be asked inside this block, or make every request fail at once."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = not allowed
    os.environ["HF_HUB_OFFLINE"] = "0" if allowed else "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        os.environ["HF_HUB_OFFLINE"] = "1" if before else "0"


def _build(source: Source) -> _Built:
    path = Path(source.location)
    if source.location.startswith("hf-hub:") or (source.pretrained and not path.exists()):
        return _from_hub(source)
    if path.is_dir():
        return _from_folder(path, source)
    if path.suffix.lower() == ".json":
        return _from_config(path, source)
    if path.suffix.lower() in SUFFIXES or path.exists():
        return _from_weights(path, source)
    raise Refused(
        "source_missing",
        f"{source.location!r} is neither a file, nor a folder, nor `hf-hub:owner/name`. For an "
        f"open_clip architecture give the tag of its weights too (--pretrained).",
    )


def _from_hub(source: Source) -> _Built:
    """Weights published for an open_clip architecture, or an hf-hub: name."""
    import open_clip

    if not source.download:
        raise Refused(
            "download_not_allowed",
            f"{source.location!r} has to be downloaded. Allow it (--download), or give a local file.",
        )
    tag = source.pretrained or None
    try:
        model, _, _ = open_clip.create_model_and_transforms(source.location, pretrained=tag)
        tokenizer = open_clip.get_tokenizer(source.location)
        if tag is None and not _hub_weights(source.location):
            raise RuntimeError("the repository holds no weights")
    except Exception as error:  # hub, config and weight errors come in a dozen types
        tags = open_clip.list_pretrained_tags_by_model(source.location)
        hint = f" Tags of this architecture: {', '.join(tags)}." if tags else ""
        raise Refused(
            "checkpoint_unavailable", f"{source.location!r} could not be had: {error}.{hint}"
        ) from error
    config = _hub_config(source)
    return _Built(model, {"model_cfg": config, "preprocess_cfg": architecture.preprocess(model)}, tokenizer)


def _hub_config(source: Source) -> dict[str, Any]:
    import open_clip
    from huggingface_hub import hf_hub_download

    if source.location.startswith("hf-hub:"):
        path = hf_hub_download(source.location.removeprefix("hf-hub:"), CONFIG)  # asked for  # nosec B615
        return json.loads(Path(path).read_text())["model_cfg"]
    return open_clip.get_model_config(source.location)


def _hub_weights(location: str) -> bool:
    """open_clip only logs a warning when a repository has a config and no weights."""
    from open_clip.pretrained import download_pretrained_from_hf

    return bool(download_pretrained_from_hf(location.removeprefix("hf-hub:")))


def _from_folder(folder: Path, source: Source) -> _Built:
    config = architecture.read_config(folder / CONFIG)
    weights = next((p for s in SUFFIXES for p in sorted(folder.glob(f"*{s}"))), None)
    if weights is None:
        raise Refused("checkpoint_keys_missing", f"{str(folder)!r} holds no weights file.")
    model = architecture.instantiate(config, folder)
    fit(model, read_weights(weights), weights.name, f"of {CONFIG}")
    config["preprocess_cfg"] = config.get("preprocess_cfg") or architecture.preprocess(model)
    return _Built(model, config, architecture.tokenizer(config, folder), folder)


def _from_config(path: Path, source: Source) -> _Built:
    """An own open_clip config: towers from local folders with their own weights."""
    config = architecture.read_config(path)
    folder = architecture.root_of(config, path)
    model = architecture.instantiate(config, folder, pretrained=True)
    stated = config.get("preprocess_cfg")
    config["preprocess_cfg"] = stated or architecture.timm_preprocess(model, source.resize)
    notes = ["Its projection heads are new: train it before you read its retrieval scores."]
    return _Built(model, config, architecture.tokenizer(config, folder), folder, notes)


def _from_weights(path: Path, source: Source) -> _Built:
    state = read_weights(path)
    folder: Path | None = None
    if not source.architecture:
        config, folder = builtin.config(), builtin.FOLDER
    elif source.architecture.endswith(".json"):
        config = architecture.read_config(Path(source.architecture))
        folder = architecture.root_of(config, Path(source.architecture))
    else:
        config = _named(source.architecture)
    model = architecture.instantiate(config, folder)
    fit(model, state, path.name, source.architecture or "suture-tiny, which comes with Suture")
    stated = config.get("preprocess_cfg")
    config["preprocess_cfg"] = stated or architecture.timm_preprocess(model, source.resize)
    return _Built(model, config, architecture.tokenizer(config, folder), folder)


def _named(name: str) -> Config:
    import open_clip

    config = open_clip.get_model_config(name)
    if config is None:
        raise Refused(
            "architecture_unknown",
            f"open_clip has no architecture {name!r}. For example: ViT-B-32, RN50, "
            f"coca_ViT-B-32; or give a config .json.",
        )
    return {"model_cfg": config}


def _tabular(record: Record, dim: int, device: torch.device) -> TabularEncoder:
    encoder = TabularEncoder(json.loads(record.path(TABULAR_CONFIG).read_text()), dim, device)
    encoder.network.load_state_dict(load_file(record.path(TABULAR_WEIGHTS)))
    return encoder


def _smoke_test(built: _Built) -> None:
    """Two different pictures and two different texts must give finite, different, repeatable rows."""
    built.model.eval()
    size = built.config["preprocess_cfg"]["size"]
    height, width = (size, size) if isinstance(size, int) else size
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(2, 3, height, width, generator=generator)
    tokens = built.tokenizer(["no acute finding", "fracture of the left wrist"])
    with torch.inference_mode():
        for rows in (built.model.encode_image(pictures), built.model.encode_text(tokens)):
            finite = bool(torch.isfinite(rows).all()) and bool((rows.norm(dim=1) > 1e-8).all())
            if not finite or torch.equal(rows[0], rows[1]):
                raise Refused(
                    "embedding_degenerate",
                    "The checkpoint gives the same or no vector for different inputs.",
                )


def _publish(workspace: Workspace, name: str, built: _Built, source: Source) -> list[str]:
    with workspace.staging() as folder:
        config = _localise(built, folder)
        (folder / CONFIG).write_text(json.dumps(config, indent=1))
        write_weights(built.model.state_dict(), folder)
        meta = {**asdict(source), "source": source.location, "notes": built.notes, **_versions()}
        workspace.publish(CHECKPOINT, name, folder, meta)
    return built.notes


def _localise(built: _Built, folder: Path) -> dict[str, Any]:
    """Copy the small files that towers and tokenizer need; the config then names them relatively."""
    config = json.loads(json.dumps(built.config))
    vision, text = config["model_cfg"]["vision_cfg"], config["model_cfg"]["text_cfg"]
    local = architecture.local_paths(config)
    if ("vision_cfg", "timm_model_name") in local and built.folder:
        written = built.folder / local["vision_cfg", "timm_model_name"] / "config.json"
        (folder / "timm").mkdir()
        shutil.copyfile(os.path.normpath(written), folder / "timm" / "config.json")
        vision["timm_model_name"] = "local-dir:timm"
    if "hf_model_name" in text:
        built.model.text.config.save_pretrained(folder / "text")
        text["hf_model_name"] = "text"
    if hasattr(built.tokenizer, "save_pretrained"):
        built.tokenizer.save_pretrained(str(folder / "text"))
        text["hf_tokenizer_name"] = "text"
    elif built.folder and (built.folder / BPE).is_file():
        shutil.copyfile(built.folder / BPE, folder / BPE)
    for file in (TABULAR_CONFIG, TABULAR_WEIGHTS):
        if built.folder and (built.folder / file).is_file():
            shutil.copyfile(built.folder / file, folder / file)
    return config


def _storable(state: State) -> State:
    """Contiguous copies: safetensors refuses tensors that share memory."""
    return {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}


def _versions() -> dict[str, Any]:
    return {"versions": {p: version(p) for p in ("torch", "open_clip_torch", "timm")}}
