"""Add a checkpoint to the workspace: check it, run it on a small batch, and copy every file it needs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file
from torch import Tensor

from suture.data import weights
from suture.data.errors import Refused, UserError
from suture.data.intake.report import IntakeReport, refusal
from suture.data.metadata import CheckpointMetadata
from suture.data.workspace import CHECKPOINT, Workspace, check_name
from suture.models.checkpoints import architecture
from suture.models.checkpoints.architecture import BPE, CONFIG, TABULAR_CONFIG, TABULAR_WEIGHTS
from suture.models.checkpoints.sources import Built, CheckpointSource, build, hub_access
from suture.models.checkpoints.weights_file import write_weights

MIN_NORM = 1e-8  # a shorter vector has no direction


def add_checkpoint(workspace: Workspace, source: CheckpointSource, name: str) -> IntakeReport:
    """Check a checkpoint, run it on a small batch, and add it as `name`.

    Never raises for bad input: the report says what was refused and why.
    """
    try:
        check_name(name)
        workspace.refuse_taken(CHECKPOINT, name)
        with hub_access(source.download):
            built = build(workspace, source)
            _try_towers(built)
            notes = _publish(workspace, name, built, source)
    except UserError as error:
        return refusal(error, found=1)
    text = " ".join([f"Checkpoint {name!r} is ready.", *notes])
    return IntakeReport(1, 1, {}, None, text)


def versions() -> dict[str, str]:
    """Package versions that a checkpoint was added with."""
    return {p: version(p) for p in ("torch", "open_clip_torch", "timm")}


def _try_towers(built: Built) -> None:
    model = built.model.eval()
    architecture.transform(built.config)

    def image() -> torch.Tensor:
        size = built.config["preprocess_cfg"]["size"]
        height, width = (size, size) if isinstance(size, int) else size
        images = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
        return model.encode_image(images)

    def text() -> torch.Tensor:
        return model.encode_text(built.tokenizer(["no acute finding", "fracture of the left wrist"]))

    try_encoders({"image": image, "text": text})


@torch.inference_mode()
def try_encoders(encoders: Mapping[str, Callable[[], Tensor]]) -> None:
    """Embed two different inputs twice with each encoder.

    `Refused` embedding_degenerate unless the vectors are finite, not zero, different for different inputs,
    and the same each time.
    """
    for name, encode in encoders.items():
        try:
            vectors, repeated = encode(), encode()
        except (
            AssertionError,
            IndexError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:  # the config may contradict itself
            message = (
                f"The {name} encoder cannot take its own input ({type(error).__name__}). Check the config"
            )
            raise Refused("config_unreadable", f"{message}: vocabulary, context and image size.") from error
        if not torch.isfinite(vectors).all() or (vectors.norm(dim=1) <= MIN_NORM).any():
            raise _degenerate(name, "gives vectors without a direction (zero or not finite)")
        if torch.equal(vectors[0], vectors[1]):
            raise _degenerate(name, "gives the same vector for different inputs")
        if not torch.equal(vectors, repeated):
            raise _degenerate(name, "gives another vector each time")


def _degenerate(encoder: str, what: str) -> Refused:
    advice = "Was it trained, and saved whole? Take another checkpoint of the run."
    return Refused("embedding_degenerate", f"The checkpoint's {encoder} encoder {what}. {advice}")


def _publish(workspace: Workspace, name: str, built: Built, source: CheckpointSource) -> list[str]:
    with workspace.staging() as folder:
        config = _copy_small_files(built, folder)
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


def _copy_small_files(built: Built, folder: Path) -> dict[str, Any]:
    """Copy the small files that towers and tokenizer need; returns the config with relative paths to them."""
    config = json.loads(json.dumps(built.config))
    vision, text = config["model_cfg"]["vision_cfg"], config["model_cfg"]["text_cfg"]
    local = architecture.local_paths(config)
    if ("vision_cfg", "timm_model_name") in local and built.folder:
        original = built.folder / local["vision_cfg", "timm_model_name"] / "config.json"
        (folder / "timm").mkdir()
        shutil.copyfile(os.path.normpath(original), folder / "timm" / "config.json")
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
