"""What frozen towers give before their last projection, computed once and kept for the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from data.workspace import replacing
from models.training.batches import StudySource, prepared
from models.training.loop import Report
from models.training.networks import without_projection

CHUNK = 64
FILE = "features.npz"


def cached_features(
    model: Any, source: StudySource, rows: np.ndarray, place: Path, fabric: Fabric, report: Report
) -> dict[str, np.ndarray]:
    """modality -> (n_studies, width) float32; zeros for studies outside `rows` or without the modality.

    Takes the projections off the model; whoever holds them (see `Projections`) puts them back.
    """
    for kind in sorted(set(source.kinds.values())):
        without_projection(model, kind)
    path = place / FILE
    if not path.is_file() and fabric.is_global_zero:
        with replacing(path) as temporary, temporary.open("wb") as stream:
            found = _encode(model.to(fabric.device).eval(), source, rows, fabric, report)
            np.savez(stream, allow_pickle=False, **found)
    fabric.barrier()
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in source.modalities}


def _encode(
    model: Any, source: StudySource, rows: np.ndarray, fabric: Fabric, report: Report
) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    steps = [[rows[i : i + CHUNK]] for i in range(0, len(rows), CHUNK)]
    with torch.inference_mode(), fabric.autocast():
        batches = prepared(source, steps, epoch=None, seed=0)
        for done, ([part], [batch]) in enumerate(zip(steps, batches, strict=True)):
            for number, name in enumerate(source.modalities):
                there = part[source.present[number, part]]
                values = batch.inputs[name].to(fabric.device)
                image = source.kinds[name] == "image"
                features = (model.encode_image if image else model.encode_text)(values).float().cpu().numpy()
                matrix = found.setdefault(
                    name, np.zeros((source.present.shape[1], features.shape[1]), np.float32)
                )
                matrix[there] = features[: len(there)]
            report(0.0, f"Features of frozen towers: {min((done + 1) * CHUNK, len(rows)):,} of {len(rows):,}")
    return found
