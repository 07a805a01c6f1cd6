"""What does closing the gap cost a training step? Contrastive + L_ATP + L_CU, value and gradient.

    python -m benchmarks.losses [BATCH ...]

Two peers, same inputs, same run, alternating: ModGap's formulation (two cross entropies, torch.pdist), and a
plain one with distances from a matrix product. The limit is the time of only the six matrix products of such
a formulation: logits and kernel, and two for the gradient of each; ours does 4.5, because within one set it
computes each pair once. Times are the best of several rounds; peak memory is measured in a separate process
each. Target against ModGap: the same value, less memory, at least twice as fast at 4,096.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from suture.models.losses import objective
from suture.models.losses.config import preset

BATCHES, DIM, ROUNDS = (1024, 4096), 512, 7
TEMPERATURE = preset("gap-closing").temperature_start


def features(batch: int) -> Tensor:
    """(2, batch, DIM) unit rows in two separate clouds."""
    generator = torch.Generator().manual_seed(0)
    shared, own = (torch.randn(2, batch, DIM, generator=generator) for _ in range(2))
    return normalize(
        shared[:1] + own + torch.tensor([1.0, -1.0])[:, None, None] * 0.5, dim=-1
    ).requires_grad_()


def ours(z: Tensor) -> Tensor:
    """The objective as training calls it."""
    present = torch.ones(z.shape[:2], dtype=torch.bool)
    keys = torch.full(z.shape[:2], -1)
    scale = torch.tensor(1 / TEMPERATURE)
    options = {"config": preset("gap-closing"), "anchor": 1, "scale": scale, "progress": 0.0}
    return objective(z, present, keys, **options).total


def modgap(z: Tensor) -> Tensor:
    """As ModGap writes it: losses.py (contrastive_loss, lalign_loss, lunif_loss) and main.py."""
    x, y = z
    means = normalize((x + y) / 2, dim=-1)
    return _pairs(x, y) + torch.pdist(means).pow(2).mul(-2).exp().mean().log()


def plain(z: Tensor) -> Tensor:
    """The same with distances from a matrix product."""
    x, y = z
    means = normalize((x + y) / 2, dim=-1)
    kernel = (4 * (means @ means.T) - 4).exp()
    return _pairs(x, y) + ((kernel.sum() - kernel.trace()) / (len(x) * (len(x) - 1))).log()


def _pairs(x: Tensor, y: Tensor) -> Tensor:
    logits, own = x @ y.T / TEMPERATURE, torch.arange(len(x))
    contrastive = (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
    return contrastive + (x - y).norm(dim=1).pow(2).mean()


def six_products(z: Tensor) -> Callable[[], None]:
    """The matrix products that value and gradient need, into preallocated memory."""
    (x, y), n = z.detach(), z.shape[1]
    square, tall = torch.zeros(n, n), torch.zeros(n, DIM)

    def work() -> None:
        for left, right, out in ((x, y.T, square), (square, y, tall), (square.T, x, tall)) * 2:
            torch.mm(left, right, out=out)

    return work


WAYS = {"ours": ours, "modgap": modgap, "plain": plain}


def step(way: Callable[[Tensor], Tensor], z: Tensor) -> float:
    """Forward and backward."""
    z.grad = None
    loss = way(z)
    loss.backward()
    return loss.item()


def peak(way: str, batch: int) -> float:
    """MiB that this process grows by in a step, without inputs and libraries (Linux)."""
    step(WAYS[way], features(64))
    z = features(batch)
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    before = _highest()
    step(WAYS[way], z)
    return _highest() - before


def _highest() -> float:
    """Peak resident memory in MiB. Not ru_maxrss, which a child inherits from its parent."""
    line = next(s for s in Path("/proc/self/status").read_text().splitlines() if s.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(*batches: int) -> None:
    """Print values, times and memory of all formulations."""
    print(f"two modalities, {DIM} dimensions, float32, {torch.get_num_threads()} threads, CPU")
    for batch in batches or BATCHES:
        z = features(batch)
        works = {name: (lambda w=way, z=z: step(w, z)) for name, way in WAYS.items()}
        works["limit"] = six_products(z)
        values = {name: work() for name, work in works.items()}  # also warms up
        rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(ROUNDS)]
        times = {name: min(r[name] for r in rounds) for name in works}
        print(f"\nbatch {batch}")
        for name in WAYS:
            command = [sys.executable, "-m", "benchmarks.losses", "--peak", name, str(batch)]
            memory = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"{name:7} {1000 * times[name]:7.0f} ms  {times[name] / times['limit']:5.2f} x limit  "
                f"{times[name] / times['ours']:5.2f} x ours  {memory:6.0f} MiB  "
                f"value - ours {values[name] - values['ours']:+.1e}"
            )
        print(f"limit   {1000 * times['limit']:7.0f} ms  six matrix products alone")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print(peak(sys.argv[2], int(sys.argv[3])))
    else:
        main(*(int(a) for a in sys.argv[1:]))
