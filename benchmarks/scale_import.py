"""Import at scale: seconds, peak memory and bytes on disk against the number of studies.

`python -m benchmarks.scale_import [studies | vectors] N [N ...]`. Each size runs in a separate process, so
that its peak is not affected by the others; the child process that parses is measured separately.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DISTINCT, SIDE = 64, 64  # distinct images, the others are links; pixels per side
WORDS = ("lungs", "are", "clear", "no", "pleural", "effusion", "heart", "size", "normal", "mild", "scoliosis")
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, of ru_maxrss
TOLD = 40  # words per report: about 240 characters


def measure(n: int, *, kind: str = "studies") -> dict[str, float]:
    """Import `n` studies (or rows of two vectors) in a fresh process.

    seconds  of the import only; peak_mb of the importing process, reader_peak_mb of the parsing child
    base_mb  of the importing process before the import; disk_mb of the published files
    """
    with tempfile.TemporaryDirectory() as place:
        make = studies if kind == "studies" else vectors
        make(Path(place) / "source", n)
        command = [sys.executable, "-m", "benchmarks.scale_import", "--one", kind, place]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {"n": n, **json.loads(found.splitlines()[-1])}


def studies(folder: Path, n: int) -> None:
    """A folder of `n` small images, most of them links to a few files, and a table of reports."""
    rng = np.random.default_rng(0)
    (folder / "drawn").mkdir(parents=True)
    drawn = [folder / "drawn" / f"{i}.jpg" for i in range(DISTINCT)]
    for path in drawn:
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE), np.uint8)).save(path, "JPEG")
    with (folder / "studies.csv").open("w") as table:
        table.write("study_id,patient_id,image,report,finding\n")
        for i in range(n):
            place = folder / "images" / f"{i // 1000:05d}"
            if i % 1000 == 0:
                place.mkdir(parents=True)
            os.link(drawn[i % DISTINCT], place / f"{i:07d}.jpg")
            report = " ".join(rng.choice(WORDS, TOLD))
            image = f"images/{i // 1000:05d}/{i:07d}.jpg"
            table.write(f"s{i:07d},p{i // 3:07d},{image},{report}.,f{i % 7}\n")


def vectors(folder: Path, n: int, dim: int = 512) -> None:
    """Two float32 .npy of random rows, written block by block."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("image", "report"):
        made = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (n, dim))
        for start in range(0, n, 8192):
            made[start : start + 8192] = rng.standard_normal((min(8192, n - start), dim), np.float32)
        made.flush()


def one(kind: str, place: Path) -> dict[str, float]:
    """The import itself, in this process."""
    from suture.data.intake import intake
    from suture.data.vectors import import_vectors
    from suture.data.workspace import Workspace

    workspace = Workspace(place / "home")
    before = _peak()
    start = time.perf_counter()
    if kind == "studies":
        report: Any = intake(workspace, place / "source", "scale")
    else:
        report = import_vectors(workspace, sorted((place / "source").glob("*.npy")), "scale")
    seconds = time.perf_counter() - start
    if report.refused:
        raise SystemExit(report.message)
    record = workspace.records("collection" if kind == "studies" else "set")[0]
    return {
        "seconds": seconds,
        "peak_mb": _peak(),
        "base_mb": before,
        "reader_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT / 1e6,
        "disk_mb": record.size / 1e6,
    }


def _peak() -> float:
    """Peak resident memory in megabytes. On Linux, ru_maxrss includes memory from before exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6
    found = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(found.split()[1]) * 1024 / 1e6


def main() -> None:
    """Print one line per size."""
    if sys.argv[1] == "--one":
        print(json.dumps(one(sys.argv[2], Path(sys.argv[3]))))
        return
    for n in map(int, sys.argv[2:]):
        print({k: round(v, 1) for k, v in measure(n, kind=sys.argv[1]).items()}, flush=True)


if __name__ == "__main__":
    main()
