"""What do all default metrics cost together, in units of one matrix product of all images with all texts?

    python -m benchmarks.instrument [--rows 20000]

The unit is one float32 product X Y^T of N x 512 by 512 x N, by NumPy on all cores: retrieval needs at least
that. Measured after a small warm-up evaluation, so that compilation is not timed; two modalities, one study
per group, 1,000 resamples. Without labels: k-means is printed separately.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from suture.analysis import evaluate as evaluation
from suture.analysis.math.arrays import unit_rows
from suture.analysis.structure.clustering import v_measure
from suture.data.embedding_set import EmbeddingSet

DIM = 512


def studies(n: int) -> EmbeddingSet:
    """Two separate clouds of n rows with similar pairs."""
    rng = np.random.default_rng(0)
    content = rng.normal(size=(n, DIM)).astype(np.float32)
    vectors = {
        m: unit_rows(content + rng.normal(size=content.shape) + offset).astype(np.float32)
        for m, offset in (("image", 0.3), ("text", -0.3))
    }
    ids = [str(i) for i in range(n)]
    rows = pd.DataFrame({"study_id": ids, "group": ids, "split": "test", "duplicate_group": [""] * n})
    return EmbeddingSet("made", vectors, rows)


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def product(one: EmbeddingSet) -> float:
    """The unit: the best of three products, in blocks of rows so that the result is never held in memory."""
    x, y = one.vectors["image"], np.ascontiguousarray(one.vectors["text"].T)
    out = np.empty((1024, len(x)), np.float32)

    def once() -> None:
        for start in range(0, len(x), 1024):
            rows = x[start : start + 1024]
            np.matmul(rows, y, out=out[: len(rows)])

    return min(seconds(once) for _ in range(3))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    evaluation.evaluate(studies(600), resamples=50)
    one = studies(rows)
    unit = product(one)
    whole = seconds(lambda: evaluation.evaluate(one))
    again = product(one)
    unit = min(unit, again)
    print(f"N = {rows:,}, D = {DIM}; one product {unit:.2f} s, {2 * rows**2 * DIM / unit / 1e9:.0f} GFLOP/s")
    print("| what | products |\n|---|---|")
    print(f"| all default metrics, both modalities, with intervals | {whole / unit:.1f} |")
    labels = np.array([f"c{i % 10}" for i in range(rows)])
    clustered = seconds(lambda: v_measure([*one.vectors.values()], labels))
    print(f"| one label more: k-means, K = 10, 5 seeds | {clustered / unit:.1f} |")


if __name__ == "__main__":
    main()
