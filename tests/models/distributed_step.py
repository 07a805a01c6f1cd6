"""Gradients of one batch; run under torchrun, it writes those of all cases to a file."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from suture.data.collection import Kind
from suture.models import builtin
from suture.models.checkpoints.architecture import instantiate
from suture.models.training.batches import Batch, chunks
from suture.models.training.config import from_mapping
from suture.models.training.loop import start_fabric
from suture.models.training.networks import HeadNetwork, Network, Towers
from suture.models.training.step import BatchLoss, backward

KINDS: dict[str, Kind] = {"image": "image", "report": "text", "history": "text"}
TEXTS: dict[str, Kind] = {"report": "text", "history": "text"}
WIDTHS = {"image": 24, "report": 40, "history": 40}
STUDIES = 16
CASES = ("clip", "siglip", "gap-closing", "swap", "texts alone", "heads")
Gradients = dict[str, dict[str, torch.Tensor]]


def network_of(case: str) -> Network:
    """Towers of the built-in architecture, or heads with dropout, always with the same weights."""
    torch.manual_seed(0)
    config = from_mapping({"objective": case if case in CASES[:4] else "clip"})
    if case == "heads":
        return HeadNetwork(WIDTHS, config, dim=16, hidden=32, dropout=0.5)
    return Towers(instantiate(builtin.config(), builtin.FOLDER), TEXTS if "alone" in case else KINDS, config)


def inputs_of(case: str) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    """Inputs, presence (the first quarter has no history) and keys (with repeats) of all studies."""
    draw = torch.Generator().manual_seed(1)
    modalities = TEXTS if "alone" in case else KINDS
    if case == "heads":
        inputs = {m: torch.randn(STUDIES, WIDTHS[m], generator=draw) for m in modalities}
    else:
        texts = {m: torch.randint(1, 4000, (STUDIES, 64), generator=draw) for m in TEXTS}
        inputs = {"image": torch.randn(STUDIES, 3, 96, 96, generator=draw), **texts}
    present = torch.ones(len(modalities), STUDIES, dtype=torch.bool)
    keys = torch.full((len(modalities), STUDIES), -1)
    present[-1, : STUDIES // 4] = False
    keys[0, [1, 14]] = 7
    return {m: inputs[m] for m in modalities}, present, keys


def batch_of(case: str, rows: torch.Tensor) -> Batch:
    """These studies of the batch."""
    inputs, present, keys = inputs_of(case)
    used = {}
    for row, (name, values) in zip(present[:, rows], inputs.items(), strict=True):
        used[name] = values[rows[row]] if row.any() else values[rows[:1]]
    return Batch(used, present[:, rows], keys[:, rows])


def gradients(case: str, count: int) -> dict[str, torch.Tensor]:
    """The loss and the gradient of each weight, for this process's share of the batch in `count` chunks."""
    fabric = start_fabric("float32", "cpu")
    network = network_of(case)
    wrapped = fabric.setup_module(network)
    world = {"rank": fabric.global_rank, "world": fabric.world_size}
    rows = chunks(torch.arange(STUDIES).numpy(), count=count, **world)
    loss = BatchLoss(from_mapping({"objective": case if case in CASES[:4] else "clip"}).objective, 0)
    for _ in range(2):  # DDP notices a weight without a gradient only in the second step
        network.zero_grad()
        parts = [batch_of(case, torch.from_numpy(r)) for r in rows]
        numbers = backward(fabric, wrapped, parts, loss, progress=0.3, seed=5)
    found = {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}
    return {"loss": torch.tensor(numbers["loss"]), **found}


if __name__ == "__main__":
    made = {f"{case} {count}": gradients(case, count) for case in CASES for count in (1, 2)}
    if torch.distributed.get_rank() == 0:
        torch.save(made, Path(sys.argv[1]))
