"""The probe: a fixed sample of studies that is embedded and measured after every epoch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from suture.analysis.evaluate import probe
from suture.data.workspace import write_atomically
from suture.models.training.batches import BatchSource
from suture.models.training.networks import Network
from suture.models.training.record import MOST_SNAPSHOTS

CHUNK = 64


@dataclass(frozen=True)
class Probe:
    """rows: row numbers of the source, groups: their groups; both (n_probe,)."""

    source: BatchSource
    rows: np.ndarray
    groups: np.ndarray

    def embed(self, fabric: Fabric, network: Network) -> dict[str, np.ndarray]:
        """modality -> (n_probe, dim) float32 unit rows, zeros where a study lacks it."""
        was_training = network.training
        network.eval()
        parts = []
        with torch.no_grad(), fabric.autocast():
            for start in range(0, len(self.rows), CHUNK):
                batch = self.source.batch(self.rows[start : start + CHUNK], epoch=None, seed=0)
                batch = batch.to(fabric.device)
                parts.append(network(batch.inputs, batch.present)[0].float().cpu())
        network.train(was_training)
        z = torch.cat(parts, dim=1).numpy()
        return dict(zip(self.source.modalities, z, strict=True))

    def measure(self, vectors: dict[str, np.ndarray]) -> dict[str, Any]:
        """Metrics for the training curves."""
        keys = dict(zip(self.source.modalities, self.source.keys[:, self.rows], strict=True))
        return probe.probe_metrics(vectors, keys, self.groups)


def save_snapshot(place: Path, epoch: int, epochs: int, vectors: dict[str, np.ndarray]) -> None:
    """Store the vectors of an epoch for the scrubber; in a long run only every k-th epoch and the last."""
    stride = max(1, -(-epochs // MOST_SNAPSHOTS))
    if epoch % stride and epoch != epochs:
        return
    buffer = io.BytesIO()
    np.save(buffer, np.stack([*vectors.values()]).astype(np.float16))
    write_atomically(place / f"probe-{epoch:05d}.npy", buffer.getvalue())


def sample_rows(rows: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """A seeded sample of at most `count` rows, in ascending order."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng([seed, 77]).choice(rows, count, replace=False))
