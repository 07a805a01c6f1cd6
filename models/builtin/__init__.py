"""Small checkpoints that come with Suture, made on the synthetic demo collection.

All share one architecture (`suture-tiny`: 96 px images in patches of 12, 2 million parameters) and
a vocabulary of the first 4,000 merges of CLIP's byte-pair encoding.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from suture.data.metadata import CheckpointMetadata, TrainingMetadata
from suture.data.workspace import BUILT_IN
from suture.models.checkpoints.architecture import BPE, CONFIG, WEIGHTS, instantiate
from suture.models.training import record

FOLDER = Path(__file__).parent
TRAINED, ALIGNED, START, UNTRAINED = BUILT_IN
NAMES = {
    TRAINED: "Baseline: demo-start fine-tuned on the demo's training split with CLIP's loss, learnable T.",
    ALIGNED: "Gap closed: the same start, studies, seed and steps with contrastive + L_ATP + L_CU.",
    START: "What both start from: CLIP's loss on 8,000 other synthetic studies.",
    UNTRAINED: "The same architecture as initialised, seed 0: the cone effect before any training.",
}
FINE_TUNED = (TRAINED, ALIGNED)
RUN_FILES = (record.HISTORY, record.PROBE)  # of their training: curves and the epoch scrubber


def config() -> dict[str, Any]:
    """The architecture's open_clip config."""
    return json.loads((FOLDER / CONFIG).read_text())


def write(name: str, folder: Path) -> None:
    """Put the files of a built-in checkpoint into `folder`. KeyError for an unknown name."""
    if name not in NAMES:
        raise KeyError(name)
    for file in (CONFIG, BPE):
        shutil.copyfile(FOLDER / file, folder / file)
    if name == UNTRAINED:
        _write_untrained(folder)
        return
    _write_trained(FOLDER / f"{name}.safetensors", folder)
    if name in FINE_TUNED:
        record.write_files(folder, json.loads((FOLDER / f"{name}.{record.HISTORY}").read_text()))
        shutil.copyfile(FOLDER / f"{name}.{record.PROBE}", folder / record.PROBE)


def metadata(name: str) -> CheckpointMetadata:
    """What a record says of a built-in checkpoint."""
    training = TrainingMetadata(collection="demo", fit_splits=["train"]) if name in FINE_TUNED else None
    return CheckpointMetadata(source="built-in", notes=[NAMES[name]], training=training)


def _write_trained(stored: Path, folder: Path) -> None:
    """Weights are shipped in half precision to keep the package small."""
    from safetensors.torch import load_file, save_file

    state = {k: v.float() if v.is_floating_point() else v for k, v in load_file(stored).items()}
    save_file(state, folder / WEIGHTS)


def _write_untrained(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = instantiate(config(), FOLDER)
    save_file({k: v.contiguous().clone() for k, v in model.state_dict().items()}, folder / WEIGHTS)
