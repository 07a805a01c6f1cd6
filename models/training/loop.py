"""The training loop: epochs of steps, a probe after each epoch, and periodic saves."""

from __future__ import annotations

import atexit
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from suture.analysis.gap import collapse_warnings
from suture.data.errors import Refused
from suture.models.losses import logit_scale
from suture.models.losses.config import ObjectiveConfig
from suture.models.training import record, state
from suture.models.training.batches import BatchSource, chunks, epoch_order, prefetched_steps
from suture.models.training.config import TrainingConfig
from suture.models.training.networks import Network
from suture.models.training.probe import Probe, save_snapshot
from suture.models.training.record import History
from suture.models.training.step import BatchLoss, backward

Report = Callable[[float, str], None]
BETAS, EPSILON = (0.9, 0.98), 1e-6  # as open_clip trains CLIP


@dataclass
class TrainingLoop:
    """One training run.

    source, rows   training data; about  content of `progress.json` besides the history
    place          folder of state and snapshots; logs  folder for TensorBoard, None = no log
    """

    fabric: Fabric
    network: Network
    source: BatchSource
    rows: np.ndarray
    loss: BatchLoss
    config: TrainingConfig
    probe: Probe
    place: Path
    about: dict[str, Any]
    report: Report
    logs: Path | None = None
    history: History = field(default_factory=History)

    def run(self) -> History:
        """Train to the end, resuming from a saved state; leaves the kept weights in the network."""
        optimizer = torch.optim.AdamW(
            parameter_groups(self.network, self.config.weight_decay), betas=BETAS, eps=EPSILON
        )
        self.wrapped, self.optimizer = self.fabric.setup(self.network, optimizer)
        per_epoch = len(self.rows) // self.config.batch
        restored = state.load(self.place / state.STATE, self.network, self.optimizer)
        self.fabric.barrier()  # all processes have read it before the first one overwrites it
        self.history = restored or History(total=per_epoch * self.config.epochs)
        self.started = time.monotonic() - self.history.seconds
        self.saved = self.shown = time.monotonic()
        writer = self._writer()
        if not self.history.epochs:
            self._end_epoch(0, writer)
        while (epoch := len(self.history.epochs) - 1) < self.config.epochs and not self._stopped():
            self._epoch(epoch, per_epoch)
            self._end_epoch(epoch + 1, writer)
        if writer:
            writer.close()
        if self.config.keep == "best":
            state.load_weights(self.place / state.BEST, self.network)
        return self.history

    def _epoch(self, epoch: int, per_epoch: int) -> None:
        order = epoch_order(self.rows, seed=self.config.seed, epoch=epoch, batch=self.config.batch)
        world = {"rank": self.fabric.global_rank, "world": self.fabric.world_size}
        left = order[self.history.step - epoch * per_epoch :]
        steps = [chunks(rows, count=self.config.accumulate, **world) for rows in left]
        self.network.train()
        for parts in prefetched_steps(self.source, steps, epoch=epoch, seed=self.config.seed):
            rate = learning_rate(self.history.step, self.history.total, self.config)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self._log(self._step(parts), epoch, rate)
            if time.monotonic() - self.saved > self.config.save_seconds:
                self._save()

    def _step(self, parts: list[Any]) -> dict[str, float]:
        self.optimizer.zero_grad()
        numbers = backward(
            self.fabric,
            self.wrapped,
            parts,
            self.loss,
            progress=self.history.step / self.history.total,
            seed=_seed(self.config.seed, self.history.step),
        )
        self._require_finite(math.isfinite(numbers["loss"]), "The loss")
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.network.clamp()
        return numbers

    def _require_finite(self, finite: bool, what: str) -> None:
        if not finite:
            raise Refused(
                "loss_not_finite",
                f"{what} is not a finite number at step {self.history.step:,}. Use a smaller learning rate "
                f"(now {self.config.learning_rate:g}), less weight decay or a higher temperature.",
            )

    def _log(self, numbers: dict[str, float], epoch: int, rate: float) -> None:
        every = max(1, -(-self.history.total // record.MOST_STEPS))
        if self.history.step % every == 0:
            temperature = temperature_of(self.network, self.config, self.history)
            row = {"step": self.history.step, "epoch": epoch + 1, **numbers}
            self.history.steps.append({**row, "temperature": temperature, "learning_rate": rate})
        self.history.step += 1
        share = self.history.step / max(1, self.history.total)
        text = f"Epoch {epoch + 1} of {self.config.epochs}, step {self.history.step:,}: "
        self.report(share, f"{text}loss {numbers['loss']:.3f}")
        if time.monotonic() - self.shown > 2:
            self._show()

    def _end_epoch(self, epoch: int, writer: Any) -> None:
        """Evaluate the probe, check for collapse, keep the best weights, and save."""
        if self.fabric.is_global_zero:
            vectors = self.probe.embed(self.fabric, self.network)
            save_snapshot(self.place, epoch, self.config.epochs, vectors)
            self._require_finite(all(np.isfinite(x).all() for x in vectors.values()), "An embedding")
            numbers = self.probe.measure(vectors)
            row = {"epoch": epoch, "step": self.history.step, **numbers}
            warnings = collapse_warnings.detect([*self.history.epochs, row])
            self.history.epochs.append({**row, "guards": [w.message for w in warnings]})
            self._keep_best(epoch)
            if writer:
                _write_scalars(writer, self.history)
        self.history.epochs = self.fabric.broadcast(self.history.epochs)
        self._save()
        self._show()

    def _keep_best(self, epoch: int) -> None:
        scores = [row.get("recall_at_10", 0.0) for row in self.history.epochs[1:]] or [-1.0]
        if self.config.keep == "best" and scores[-1] >= max(scores):
            self.history.best = epoch
            state.save_weights(self.place / state.BEST, self.network)
        elif self.config.keep == "last":
            self.history.best = epoch

    def _save(self) -> None:
        self.history.seconds = time.monotonic() - self.started
        if self.fabric.is_global_zero:
            state.save(self.place / state.STATE, self.network, self.optimizer, self.history)
        self.saved = time.monotonic()

    def _show(self) -> None:
        if self.fabric.is_global_zero:
            record.write_progress(self.place, self.about, self.history)
        self.shown = time.monotonic()

    def _stopped(self) -> bool:
        return self.config.stop_on_guard and bool(self.history.epochs[-1]["guards"])

    def _writer(self) -> Any:
        if self.logs is None or not self.fabric.is_global_zero:
            return None
        from tensorboardX import SummaryWriter

        return SummaryWriter(str(self.logs), purge_step=self.history.step or None)


def _write_scalars(writer: Any, history: History) -> None:
    """Write the steps of the last epoch and its probe metrics."""
    last = history.epochs[-1]
    for row in [r for r in history.steps if r["epoch"] == last["epoch"]]:
        for name, value in row.items():
            if name not in ("step", "epoch"):
                writer.add_scalar(f"train/{name}", value, row["step"])
    for name, value in last.items():
        if isinstance(value, float):
            writer.add_scalar(f"probe/{name}", value, last["step"])
    writer.flush()


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices; none on gains, biases and temperature."""
    weights = [*state.trainable(network).values()]
    if all(w.numel() == 1 for w in weights):  # only temperature and bias are trainable
        raise Refused("nothing_to_train", "Every weight is locked. Unlock a tower, or train the heads.")
    return [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]


class Schedule(Protocol):
    """Settings of a learning rate schedule: the peak, and the fraction of steps spent on warm-up."""

    @property
    def learning_rate(self) -> float: ...

    @property
    def warm_up(self) -> float: ...


def learning_rate(step: int, total: int, config: Schedule) -> float:
    """The learning rate at a step: linear warm-up, then half a cosine to 0."""
    warm = round(config.warm_up * total)
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def temperature_of(network: Network, config: TrainingConfig, history: History) -> float:
    """The temperature of the next step."""
    if config.objective.temperature == "learnable":
        return float(torch.exp(-network.logit_scale.detach()))
    return 1 / logit_scale(config.objective, history.step / max(1, history.total))


def last_temperature(objective: ObjectiveConfig) -> float:
    """The final value of a fixed or scheduled temperature."""
    return 1 / logit_scale(objective, 1.0)


def _seed(seed: int, step: int) -> int:
    """A seed that differs between steps and is the same in every run."""
    return int(np.random.default_rng([seed, step, 3]).integers(2**31))


def start_fabric(precision: str, device: str = "auto") -> Fabric:
    """A Fabric for this process, or for its rank in a torchrun launch (gloo on CPUs)."""
    from suture.models.checkpoints.device import pick_device

    where = pick_device(device)
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // processes
    half = where.type == "cuda" and torch.cuda.is_bf16_supported()
    wanted = precision if precision != "auto" else ("bfloat16" if half else "float32")
    fabric = Fabric(
        accelerator=where.type,
        devices=processes if where.index is None else [where.index],
        num_nodes=nodes,
        strategy="ddp" if processes * nodes > 1 else "auto",
        precision="bf16-mixed" if wanted == "bfloat16" else "32-true",
    )
    fabric.launch()
    if fabric.world_size > 1:
        atexit.register(_leave)
    return fabric


def _leave() -> None:
    """Destroy the process group: gloo threads still running at interpreter exit abort the process."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
