"""A checkpoint comes into the workspace: checked, tried on a small batch, and kept with all that it needs."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file

from suture.data import weights
from suture.data.errors import UserError
from suture.data.intake.report import IntakeReport, refusal
from suture.data.metadata import CheckpointMetadata
from suture.data.workspace import CHECKPOINT, Workspace, check_name
from suture.models.checkpoints import architecture
from suture.models.checkpoints.architecture import BPE, CONFIG
from suture.models.checkpoints.sources import Built, Source, build, hub_access
from suture.models.checkpoints.weights import try_out, write_weights

TABULAR_CONFIG, TABULAR_WEIGHTS = "tabular.json", "tabular.safetensors"


def add(workspace: Workspace, source: Source, name: str) -> IntakeReport:
    """Check a checkpoint, try it on a small batch, and keep it under `name`. Never raises for bad
    input: the report says what was refused and why.
    """
    try:
        check_name(name)
        workspace.refuse_taken(CHECKPOINT, name)
        with hub_access(source.download):
            built = build(workspace, source)
            _try(built)
            notes = _publish(workspace, name, built, source)
    except UserError as error:
        return refusal(error, found=1)
    text = " ".join([f"Checkpoint {name!r} is ready.", *notes])
    return IntakeReport(1, 1, {}, None, text)


def versions() -> dict[str, str]:
    """What a checkpoint was made with."""
    return {p: version(p) for p in ("torch", "open_clip_torch", "timm")}


def _try(built: Built) -> None:
    """Two different pictures and two different texts."""
    model = built.model.eval()
    architecture.transform(built.config)

    def image() -> torch.Tensor:
        size = built.config["preprocess_cfg"]["size"]
        height, width = (size, size) if isinstance(size, int) else size
        pictures = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
        return model.encode_image(pictures)

    def text() -> torch.Tensor:
        return model.encode_text(built.tokenizer(["no acute finding", "fracture of the left wrist"]))

    try_out({"image": image, "text": text})


def _publish(workspace: Workspace, name: str, built: Built, source: Source) -> list[str]:
    with workspace.staging() as folder:
        config = _localise(built, folder)
        (folder / CONFIG).write_text(json.dumps(config, indent=1))
        write_weights(built.model.state_dict(), folder)
        meta = CheckpointMetadata(
            **asdict(source),
            source=source.label or source.location,
            notes=built.notes,
            versions=versions(),
        )
        workspace.publish(CHECKPOINT, name, folder, meta)
    return built.notes


def _localise(built: Built, folder: Path) -> dict[str, Any]:
    """Copy the small files that towers and tokenizer need; the config then names them relatively."""
    config = json.loads(json.dumps(built.config))
    vision, text = config["model_cfg"]["vision_cfg"], config["model_cfg"]["text_cfg"]
    local = architecture.local_paths(config)
    if ("vision_cfg", "timm_model_name") in local and built.folder:
        written = built.folder / local["vision_cfg", "timm_model_name"] / "config.json"
        (folder / "timm").mkdir()
        shutil.copyfile(os.path.normpath(written), folder / "timm" / "config.json")
        vision["timm_model_name"] = "local-dir:timm"
    if text.get("hf_model_name"):
        built.model.text.config.save_pretrained(folder / "text")
        text["hf_model_name"] = "text"
    if hasattr(built.tokenizer, "save_pretrained"):
        built.tokenizer.save_pretrained(str(folder / "text"))
        text["hf_tokenizer_name"] = "text"
    elif built.folder and (built.folder / BPE).is_file():
        shutil.copyfile(built.folder / BPE, folder / BPE)
    if built.folder and (built.folder / TABULAR_CONFIG).is_file():
        shutil.copyfile(built.folder / TABULAR_CONFIG, folder / TABULAR_CONFIG)
        save_file(weights.read(built.folder / TABULAR_WEIGHTS).tensors, folder / TABULAR_WEIGHTS)
    return config
