"""Train one head per modality on vectors that may have different widths.

The features are centred and divided by one number (both from the fit split), which preserves the relative
scale of the dimensions. Both steps are folded into the first layer, so the trained heads take raw features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from suture.analysis.posthoc.heads import Heads
from suture.data.collection import GROUP, SPLIT
from suture.data.embedding_set import EmbeddingSet
from suture.data.errors import Refused
from suture.models.training.batches import VectorSource, set_keys
from suture.models.training.config import TrainingConfig
from suture.models.training.loop import Report, TrainingLoop, start_fabric
from suture.models.training.networks import HeadNetwork
from suture.models.training.probe import Probe, sample_rows
from suture.models.training.record import History
from suture.models.training.step import BatchLoss


@dataclass(frozen=True)
class HeadShape:
    """dim of the shared space; hidden units (0 = one linear map); dropout before the last layer."""

    dim: int = 256
    hidden: int = 512
    dropout: float = 0.5


def usable_studies(whole: EmbeddingSet) -> np.ndarray:
    """(n_studies,) bool: the study has two modalities or more."""
    return np.stack([whole.present(m) for m in whole.modalities]).sum(axis=0) > 1


def train_heads(
    whole: EmbeddingSet, config: TrainingConfig, shape: HeadShape, folder: Path, report: Report
) -> tuple[Heads, History]:
    """Train on the config's fit split and choose the epoch on its validation split.

    folder  where the run saves its state, so that it can resume after a kill
    """
    usable, splits = usable_studies(whole), whole.rows[SPLIT].to_numpy(dtype=str)
    fit = np.flatnonzero(usable & (splits == config.fit_splits[0]))
    scale = {m: _mean_and_scale(np.asarray(x)[fit]) for m, x in whole.vectors.items()}
    scaled = {m: (np.asarray(x) - scale[m][0]) / scale[m][1] for m, x in whole.vectors.items()}
    present = np.stack([whole.present(m) for m in whole.modalities])
    source = VectorSource(scaled, present, set_keys(whole))
    torch.manual_seed(config.seed)
    network = HeadNetwork({m: x.shape[1] for m, x in scaled.items()}, config, **asdict(shape))
    candidates = np.flatnonzero(usable & (splits == config.val_split))
    validation = sample_rows(candidates, config.probe, seed=config.seed)
    if len(validation) < 2:
        raise Refused("val_empty", f"The split {config.val_split!r} has fewer than 2 usable studies.")
    groups = whole.rows[GROUP].to_numpy(dtype=str)[validation]
    history = TrainingLoop(
        start_fabric(config.precision, "cpu"),
        network,
        source,
        fit,
        BatchLoss(config.objective, whole.modalities.index(config.objective.anchor)),
        config,
        Probe(source, validation, groups),
        folder,
        {},
        report,
    ).run()
    layers = {m: folded_layers(network.heads[i], scale[m]) for i, m in enumerate(whole.modalities)}
    arrays = {f"{name}:{m}": value for m, own in layers.items() for name, value in own.items()}
    return Heads(tuple(whole.modalities), arrays, config.preset, len(fit)), history


def _mean_and_scale(x: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of each feature over the present rows, and the root mean square deviation over all features."""
    rows = x[(x != 0).any(axis=1)].astype(np.float64)
    if not len(rows):
        raise Refused("modality_empty", "A modality has no rows in the fit split. Leave it out.")
    mean = rows.mean(axis=0)
    return mean, max(float(np.sqrt(np.square(rows - mean).mean())), 1e-6)


def folded_layers(head: nn.Module, scale: tuple[np.ndarray, float]) -> Mapping[str, np.ndarray]:
    """A head's layers for raw features: mean and scale are folded into the first layer."""
    arrays = {}
    linear = [layer for layer in head.modules() if isinstance(layer, nn.Linear)]
    for number, layer in enumerate(linear):
        weight = layer.weight.detach().cpu().double().numpy().T
        bias = layer.bias.detach().cpu().double().numpy()
        if number == 0:
            mean, deviation = scale
            weight = weight / deviation
            bias = bias - mean @ weight
        arrays[f"weight{number}"], arrays[f"bias{number}"] = weight, bias
    return arrays
