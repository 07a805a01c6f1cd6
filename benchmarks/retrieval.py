"""What does exact ranking cost? Recall in both directions under three protocols, and hubs.

    python -m benchmarks.retrieval [--large]

Two baselines, same inputs, same run, alternating. ModGap's procedure (compute_metric_ret): the whole matrix,
torch's sort of every row, and a search through Python lists; at 4,000 pairs, both directions. Target: at
least 25 times faster. And the machine: the float32 matrix product of all scores, which any exact method
needs, by numpy on all cores; at 20,000 pairs of 512 dimensions. Target: at least 60 % of its rate.
Times are the best of several rounds. --large also ranks 200,000 pairs in a separate process. Target: a peak
under 4 GB, including inputs and libraries.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from suture.analysis.retrieval import KS, PROTOCOLS, RightAnswers, both_directions
from suture.analysis.retrieval.distinct_rows import distinct_rows
from suture.analysis.retrieval.engine import search
from suture.analysis.retrieval.protocols import retrieval_task
from suture.analysis.statistics.bootstrap import GroupBootstrap

DIM, PAIRS_MODGAP, PAIRS_LIMIT, PAIRS_LARGE, ROUNDS = 512, 4_000, 20_000, 200_000, 5
BLOCK = 2048


def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two separate clouds, (n, DIM) float32 unit rows each, generated in blocks."""
    rng = np.random.default_rng(0)
    sides = tuple(np.empty((n, DIM), np.float32) for _ in range(2))
    apart = rng.normal(size=(2, DIM))
    for start in range(0, n, BLOCK):
        shared = rng.normal(size=(min(BLOCK, n - start), DIM))
        for side, offset in zip(sides, apart, strict=True):
            block = shared + 2 * rng.normal(size=shared.shape) + offset
            side[start : start + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return sides


def ours(x: np.ndarray, y: np.ndarray) -> list[float]:
    """The full retrieval evaluation: ranks, hubs, and 1,000 resamples of each number."""
    found = both_directions(x, y, bootstrap=GroupBootstrap(np.arange(len(x))))
    return [d.of("strict").recall[k].value for d in (found.forward, found.backward) for k in KS]


def ranks_alone(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Ranks of all protocols and the nearest ten, both ways, without intervals, as the baselines do."""
    own = np.arange(len(x))
    tasks = [retrieval_task(protocol, RightAnswers(own, own)) for protocol in PROTOCOLS]
    found = search(distinct_rows(x), distinct_rows(y), forward=tasks, backward=tasks, k=10, every=(1,))
    return [float(direction.ranks[0].hit(k).mean()) for direction in found for k in KS]


def strict(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Only what ModGap's procedure computes: recall both ways, only the own partner being correct."""
    own = [retrieval_task("strict", RightAnswers(np.arange(len(x)), np.arange(len(x))))]
    found = search(distinct_rows(x), distinct_rows(y), forward=own, backward=own)
    return [float(direction.ranks[0].hit(k).mean()) for direction in found for k in KS]


def modgap(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Recall both ways as in compute_metric_ret: sort everything, look ids up in lists."""
    scores = torch.from_numpy(x) @ torch.from_numpy(y).T
    ids = list(range(len(x)))
    ordered = scores.sort(dim=-1, descending=True)[1].tolist()
    forward = [ordered[i].index(ids.index(own)) for i, own in enumerate(ids)]
    ordered = scores.sort(dim=0, descending=True)[1].T.tolist()
    backward = []
    for i, own in enumerate(ids):
        right = [place for place, name in enumerate(ids) if name == own]
        backward.append(min(ordered[i].index(place) for place in right))
    return [float(np.mean(np.array(ranks) < k)) for ranks in (forward, backward) for k in KS]


def product(x: np.ndarray, y: np.ndarray) -> None:
    """Only the scores, block by block into preallocated memory."""
    out = np.empty((BLOCK, len(y)), np.float32)
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        np.dot(block, y.T, out=out[: len(block)])


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(n: int, *works: Callable[[np.ndarray, np.ndarray], object]) -> list[float]:
    """Best time of each over several rounds, alternating between them."""
    x, y = pairs(n)
    rounds = [[seconds(lambda w=work: w(x, y)) for work in works] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def peak() -> str:
    """Peak memory and time of the large run, in this process."""
    x, y = pairs(PAIRS_LARGE)
    took = seconds(lambda: ours(x, y))
    status = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(int(s.split()[1]) for s in status if s.startswith("VmHWM"))
    tenth = seconds(lambda: product(x[: PAIRS_LARGE // 10], y))
    return f"{kilobytes * 1024 / 1e9:.2f} GB at most, {took / tenth:.1f} x the product of a tenth of the rows"


def main() -> None:
    """Print ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--large", action="store_true", help="also 200,000 pairs")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.peak:
        print(peak())
        return
    small = pairs(600)
    difference = np.abs(np.subtract(ours(*small), modgap(*small))).max()  # also compiles
    print(f"{DIM} dimensions, float32, {torch.get_num_threads()} threads; recall - ModGap's {difference:.0e}")
    alone, ranks, own, theirs = in_turns(PAIRS_MODGAP, strict, ranks_alone, ours, modgap)
    print(f"{PAIRS_MODGAP:7,} pairs  {theirs / alone:5.1f} x faster than ModGap's procedure, same numbers")
    print(f"{PAIRS_MODGAP:7,} pairs  {theirs / ranks:5.1f} x with three protocols and the nearest ten")
    print(f"{PAIRS_MODGAP:7,} pairs  {theirs / own:5.1f} x with scores and 1,000 resamples of each too")
    ranks, own, limit = in_turns(PAIRS_LIMIT, ranks_alone, ours, product)
    print(f"{PAIRS_LIMIT:7,} pairs  {limit / ranks:4.0%} of the rate of the matrix product")
    print(f"{PAIRS_LIMIT:7,} pairs  {limit / own:4.0%} with scores and 1,000 resamples of each")
    if chosen.large:
        command = [sys.executable, "-m", "benchmarks.retrieval", "--peak"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{PAIRS_LARGE:7,} pairs  {said.strip()}")


if __name__ == "__main__":
    main()
