"""How does each step scale? Seconds and memory against the number of studies, and the exponent of each.

    python -m benchmarks.scale [STEP ...] [--upto N]

Steps: import, embed (the demo's encoder, images of 64 pixels), evaluate, index, map. Every step runs at every
size in a separate process. cost = c N^p: p is fitted by least squares to the logarithms, over all sizes and
over the last two; below 10,000 studies fixed costs (libraries, compilation) dominate. The peer of each step
is the same step at a tenth of the size: p = 1 means ten times as long for ten times as many studies.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suture.data import limits
from suture.data.workspace import Workspace, embedding_sets

SIZES = (1_000, 10_000, 100_000, 1_000_000)
UPTO = {"embed": 100_000}  # larger sizes take hours on two cores: extrapolated with the exponent
MEMBERS = 2_000_000  # files in a folder: more than the default limit of an import
Cost = dict[str, float]


def import_(n: int, place: Path) -> Cost:
    """Import images and a table of reports as a collection."""
    from benchmarks import scale_import

    os.environ.setdefault(limits.SETTING, json.dumps({"members": MEMBERS}))
    found = scale_import.measure(n)
    return {"seconds": found["seconds"], "peak_mb": max(found["peak_mb"], found["reader_peak_mb"])}


def embed(n: int, place: Path) -> Cost:
    """Embed a collection with the local engine."""
    from benchmarks import scale_import
    from suture.data.intake import intake
    from suture.models.embedding.embed import embed

    workspace = Workspace(place / "home")
    scale_import.studies(place / "source", n)
    report = intake(workspace, place / "source", "scale")
    assert not report.refused, report.message
    return timed(lambda: embed(workspace, "scale", "demo-clip", device="cpu"))


def evaluate(n: int, place: Path) -> Cost:
    """All default metrics with their intervals, for two modalities of 512 dimensions."""
    from benchmarks.scale_app import NAME, large
    from suture.workflows.evaluate import evaluation

    workspace = large(place, n)
    return timed(lambda: evaluation(workspace, NAME))


def index(n: int, place: Path) -> Cost:
    """The IVF-PQ index of one modality, with its recall measured."""
    from benchmarks.scale_app import NAME, large
    from suture.workflows.neighbours import indexes

    workspace = large(place, n)
    part = embedding_sets.load(workspace, NAME)
    return timed(lambda: indexes.open_index(workspace, part, "all", "image", indexes.IVF))


def map_(n: int, place: Path) -> Cost:
    """The layout, then in a browser: the first frame, a click, and the server's memory."""
    from benchmarks import scale_app

    found = scale_app.measure(n)
    named = ("layout_s", "first_map_s", "click_card_s", "payload_bytes")
    return {**{k: found[k] for k in named}, "peak_mb": found["server_peak_rss_mb"]}


STEPS: dict[str, Callable[[int, Path], Cost]] = {
    "import": import_, "embed": embed, "evaluate": evaluate, "index": index, "map": map_,
}  # fmt: skip


def timed(work: Callable[[], Any]) -> Cost:
    """Seconds of the work, and the peak memory of this process: anonymous and file-mapped."""
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def apart(step: str, n: int) -> Cost:
    """Run a step in a separate process."""
    command = [sys.executable, "-m", "benchmarks.scale", step, "--one", str(n)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: Cost = json.loads(told.splitlines()[-1])
    return found


def exponent(sizes: Sequence[int], costs: Sequence[float]) -> float:
    """p of cost = c N^p."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def report(step: str, sizes: Sequence[int]) -> None:
    """Print one line per size, then one per exponent."""
    found = []
    for n in sizes:
        found.append(apart(step, n))
        told = "  ".join(f"{key} {value:,.2f}" for key, value in found[-1].items())
        print(f"{step:9} {n:9,}  {told}  load {os.getloadavg()[0]:.1f}", flush=True)
    if len(sizes) < 2:
        return
    for key in found[0]:
        costs = [cost[key] for cost in found]
        whole, last = exponent(sizes, costs), exponent(sizes[-2:], costs[-2:])
        print(f"{step:9} {key}: N^{whole:.2f}, from {sizes[-2]:,} to {sizes[-1]:,} N^{last:.2f}", flush=True)


def main(steps: Sequence[str], upto: int) -> None:
    """Run the given steps at all sizes."""
    for step in steps or STEPS:
        report(step, [n for n in SIZES if n <= min(upto, UPTO.get(step, upto))])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("steps", nargs="*", choices=[*STEPS, []], metavar="STEP")
    parser.add_argument("--upto", type=int, default=SIZES[-1])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(STEPS[options.steps[0]](options.one, Path(folder))))
    else:
        main(options.steps, options.upto)
