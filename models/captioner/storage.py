"""Captioners as records of the workspace: decoder, tokenizer, prefix, and provenance."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from suture.data.errors import Refused
from suture.data.workspace import CAPTIONER, Workspace
from suture.models.captioner.network import Captioner
from suture.models.checkpoints.device import pick_device
from suture.models.checkpoints.sources import hub_access

ABOUT, PREFIX, CENTRES = "captioner.json", "prefix.safetensors", "centres.npz"
DECODER, TOKENIZER = "decoder", "words"  # folders, as `transformers` writes them


@dataclass(frozen=True)
class LoadedCaptioner:
    """A captioner ready to generate. centres: modality -> (dim,) mean to subtract, empty = none."""

    name: str
    network: Captioner
    tokenizer: Any
    centres: dict[str, np.ndarray]
    about: dict[str, Any]
    device: torch.device


def save(folder: Path, network: Captioner, tokenizer: Any, centres: dict[str, Any]) -> None:
    """Write the parts of a captioner to a folder, without pickle."""
    network.decoder.save_pretrained(folder / DECODER)
    tokenizer.save_pretrained(folder / TOKENIZER)
    save_file({k: v.cpu().contiguous() for k, v in network.prefix.state_dict().items()}, folder / PREFIX)
    save_centres(folder, centres)


def save_centres(folder: Path, centres: dict[str, Any]) -> None:
    """Write the mean to subtract from each modality; empty = no centring."""
    np.savez(folder / CENTRES, **centres)


def load(workspace: Workspace, name: str, *, device: str = "auto") -> LoadedCaptioner:
    """Load a captioner of the workspace."""
    record = workspace.record(CAPTIONER, name)
    for file in record.files:
        record.path(file)  # raises `Refused` if the file is damaged
    about = json.loads(record.path(ABOUT).read_text())
    decoder, tokenizer = pretrained(str(record.folder / DECODER), words=str(record.folder / TOKENIZER))
    network = Captioner(decoder, about["dim"], about["config"]["prefix"])
    network.prefix.load_state_dict(load_file(record.path(PREFIX)))
    with np.load(record.path(CENTRES), allow_pickle=False) as stored:
        centres = dict(stored)
    where = pick_device(device)
    return LoadedCaptioner(name, network.to(where).eval(), tokenizer, centres, about, where)


def pretrained(location: str, *, words: str = "", download: bool = False) -> tuple[Any, Any]:
    """A causal decoder and its tokenizer from a folder, or from the hub if `download` is true.

    Reads only safetensors weights and runs no code of the repository. `Refused` if it is no such decoder.
    """
    options = {"trust_remote_code": False, "local_files_only": Path(location).is_dir()}
    try:
        with hub_access(download):
            # The user chooses the revision; only tensors and vocabularies are read from it.
            loaded: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615
                location, use_safetensors=True, output_loading_info=True, **options
            )
            tokenizer = AutoTokenizer.from_pretrained(words or location, **options)  # nosec B615
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise Refused(
            "decoder_unreadable",
            f"{location!r} is not a causal decoder that can be read. Expected a folder written by "
            f"save_pretrained of transformers (config.json, model.safetensors, a tokenizer), or the name of "
            f"such a repository on the hub and leave to download it (--download).",
        ) from error
    decoder, info = loaded
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise Refused("decoder_unreadable", f"The weights in {location!r} lack {missing}.")
    if tokenizer.eos_token is None:
        raise Refused(
            "decoder_unreadable", f"The tokenizer of {location!r} has no mark for the end of a text."
        )
    tokenizer.bos_token = tokenizer.bos_token or tokenizer.eos_token
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return decoder, tokenizer
