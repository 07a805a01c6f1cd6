"""Features of frozen towers before their last projection, computed once and cached for the run."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from suture.data.vectors import blocks
from suture.data.workspace import atomic_replace
from suture.models.training.batches import StudySource, prefetched_steps
from suture.models.training.loop import Report
from suture.models.training.networks import without_projection

CHUNK = 64


def cached_features(
    model: Any, source: StudySource, rows: np.ndarray, place: Path, fabric: Fabric, report: Report
) -> dict[str, np.ndarray]:
    """modality -> (n_studies, width) float32; zeros for studies outside `rows` or without the modality.

    They are stored in `place` and memory-mapped, so that memory does not grow with the number of studies.
    Removes the projections from the model; `Projections` holds them.
    """
    for kind in sorted(set(source.kinds.values())):
        without_projection(model, kind)
    paths = {name: place / f"features-{i}.npy" for i, name in enumerate(source.modalities)}
    if fabric.is_global_zero and not all(path.is_file() for path in paths.values()):
        with ExitStack() as stack:
            files = {name: stack.enter_context(atomic_replace(path)) for name, path in paths.items()}
            _encode(model.to(fabric.device).eval(), source, rows, fabric, report, files)
    fabric.barrier()
    return {name: np.load(path, mmap_mode="r", allow_pickle=False) for name, path in paths.items()}


def _encode(
    model: Any,
    source: StudySource,
    rows: np.ndarray,
    fabric: Fabric,
    report: Report,
    files: dict[str, Path],
) -> None:
    matrices: dict[str, np.ndarray] = {}
    n = source.present.shape[1]
    steps = [[rows[i : i + CHUNK]] for i in range(0, len(rows), CHUNK)]
    with torch.inference_mode(), fabric.autocast():
        batches = prefetched_steps(source, steps, epoch=None, seed=0)
        for done, ([part], [batch]) in enumerate(zip(steps, batches, strict=True)):
            for number, name in enumerate(source.modalities):
                there = part[source.present[number, part]]
                values = batch.inputs[name].to(fabric.device)
                image = source.kinds[name] == "image"
                features = (model.encode_image if image else model.encode_text)(values).float().cpu().numpy()
                if name not in matrices:
                    matrices[name] = zeros(files[name], (n, features.shape[1]))
                matrices[name][there] = features[: len(there)]
            report(0.0, f"Features of frozen towers: {min((done + 1) * CHUNK, len(rows)):,} of {len(rows):,}")
    for matrix in matrices.values():
        assert isinstance(matrix, np.memmap)
        matrix.flush()


def zeros(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A memory-mapped float32 matrix with its disk space allocated; OSError if the disk is too full.

    Writing to a mapped sparse file would kill the process when the disk is full.
    """
    (n, width), dtype = shape, np.dtype(np.float32)
    matrix, most = blocks.create_npy(path, dtype, shape), blocks.rows_of(width, dtype)
    for start in range(0, n, most):
        matrix.append(np.zeros((min(most, n - start), width), dtype))
    return np.load(path, mmap_mode="r+", allow_pickle=False)
