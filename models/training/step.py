"""One step: forward, loss over the whole batch, gradients. Chunked and distributed steps are equivalent.

With several chunks (GradCache, Gao et al. 2021): all chunks are encoded without a graph, the loss is
computed over all features at once, and each chunk is encoded again to backpropagate its features' gradient.
The loss and its gradient are those of the whole batch; only one chunk's activations are held in memory.

In a distributed run every rank computes the loss of the gathered batch; open_clip's gather sends gradients
back to the rank that made the features, and the mean over ranks that DDP takes is then the exact gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from suture.data.errors import Refused
from suture.models.losses import Losses, objective
from suture.models.losses.config import ObjectiveConfig
from suture.models.training.batches import Batch
from suture.models.training.networks import NetworkOutput


@dataclass(frozen=True)
class BatchLoss:
    """The objective, applied to the embeddings of a whole batch."""

    config: ObjectiveConfig
    anchor: int

    def __call__(
        self, z: Tensor, batch: Batch, scale: Tensor, bias: Tensor | None, *, progress: float, seed: int
    ) -> Losses:
        """z (M, B, D), of the whole batch. `Refused` if no two of its studies share a modality pair."""
        generator = torch.Generator(z.device).manual_seed(seed)
        try:
            return objective(
                z,
                batch.present,
                batch.keys,
                config=self.config,
                anchor=self.anchor,
                scale=scale,
                bias=bias,
                progress=progress,
                generator=generator,
            )
        except ValueError as error:  # by chance, no two studies have the same two modalities
            raise Refused("batch_without_pairs", f"{error}. Use a larger batch.") from error


def backward(
    fabric: Fabric, network: Any, parts: Sequence[Batch], loss: BatchLoss, *, progress: float, seed: int
) -> dict[str, float]:
    """Backpropagate the loss of one batch into the weights; returns the loss and its parts."""
    parts = [part.to(fabric.device) for part in parts]
    whole = gather_batch(fabric, parts)
    first = seed + fabric.global_rank * len(parts)  # chunks are numbered over all processes
    if len(parts) == 1:
        z, scale, bias = forward(network, parts[0], first)
        losses = loss(gather_features(fabric, z), whole, scale, bias, progress=progress, seed=seed)
        fabric.backward(losses.total)
        return _numbers(losses)
    with torch.no_grad():
        answers = [forward(network, part, first + i) for i, part in enumerate(parts)]
    leaves = [z.requires_grad_() for z, _, _ in answers]
    scale = answers[0][1].clone().requires_grad_()
    bias = None if answers[0][2] is None else answers[0][2].detach().clone().requires_grad_()
    losses = loss(
        gather_features(fabric, torch.cat(leaves, dim=1)), whole, scale, bias, progress=progress, seed=seed
    )
    losses.total.backward()
    for i, (part, leaf) in enumerate(zip(parts, leaves, strict=True)):
        last = i == len(parts) - 1
        with fabric.no_backward_sync(network, enabled=not last):
            carried = _carried(forward(network, part, first + i), leaf.grad, scale, bias, last)
            fabric.backward(carried)
    return _numbers(losses)


def forward(network: Any, part: Batch, seed: int) -> NetworkOutput:
    """Run one chunk through the network; the same seed gives the same dropout."""
    torch.manual_seed(seed)
    return network(part.inputs, part.present)


def _carried(
    answer: NetworkOutput, gradient: Tensor | None, scale: Tensor, bias: Tensor | None, last: bool
) -> Tensor:
    """A scalar with the gradient of the loss: features chunk by chunk, temperature and bias once."""
    z, own_scale, own_bias = answer
    total = (z * (torch.zeros_like(z) if gradient is None else gradient)).sum()
    for own, leaf in ((own_scale, scale), (own_bias, bias)):
        if own is not None and leaf is not None and leaf.grad is not None and own.requires_grad:
            total = total + own * leaf.grad * float(last)
    return total


def gather_features(fabric: Fabric, z: Tensor) -> Tensor:
    """Gather (M, B, D) from all processes, in rank order, with gradients."""
    if fabric.world_size == 1:
        return z
    from open_clip.loss import gather_features

    flat = z.transpose(0, 1).flatten(1).contiguous()
    # open_clip gathers two tensors at once; one is enough here, so the second is a column.
    options = {"gather_with_grad": True, "rank": fabric.global_rank, "world_size": fabric.world_size}
    everything, _ = gather_features(flat, flat[:, :1].contiguous(), **options)
    return everything.unflatten(1, (z.shape[0], z.shape[2])).transpose(0, 1)


def gather_batch(fabric: Fabric, parts: Sequence[Batch]) -> Batch:
    """Presence and keys of the whole batch, over chunks and processes; without inputs."""
    present = torch.cat([p.present for p in parts], dim=1)
    keys = torch.cat([p.keys for p in parts], dim=1)
    if fabric.world_size > 1:
        present, keys = (_joined(fabric, t) for t in (present.to(torch.uint8), keys))
    return Batch({}, present.bool(), keys)


def _joined(fabric: Fabric, own: Tensor) -> Tensor:
    """(M, B) of each process -> (M, world * B)."""
    everywhere = fabric.all_gather(own)  # (world, M, B)
    assert isinstance(everywhere, Tensor)
    return everywhere.transpose(0, 1).flatten(1)


def _numbers(losses: Losses) -> dict[str, float]:
    parts = {name: float(value.detach()) for name, value in losses.parts.items()}
    return {"loss": float(losses.total.detach()), **parts}
