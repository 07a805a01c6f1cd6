"""How long does it take to find the neighbours of one new, already embedded study?

    python -m benchmarks.neighbours [--studies N] [--dim D] [--runs R]

A set of N studies with an image and a text vector is on disk, imported as a user would. A new study with both
is searched in all four directions, its own partner is ranked, and its out-of-distribution score is computed,
as the page My studies and `suture neighbours` do. Peers, over the same two matrices in memory and the same
two queries, find only the ten nearest in four directions: a product with argpartition in numpy, and
faiss.IndexFlatIP.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from suture.analysis.math.arrays import unit_rows
from suture.data.collection import STUDY_ID
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import Workspace, embedding_sets
from suture.workflows.neighbours import neighbour_search

K = 10
TARGET = 0.3  # seconds


def median(work: Callable[[], object], runs: int) -> float:
    """Median seconds after one unmeasured run."""
    work()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def planted(workspace: Workspace, n: int, dim: int) -> dict[str, np.ndarray]:
    """Import a set of n studies in clusters; returns one additional, new study."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, dim))[rng.integers(200, size=n + 1)]
    noisy = {
        m: unit_rows(centres + rng.normal(size=(n + 1, dim))).astype(np.float32) for m in ("image", "text")
    }
    rows = pd.DataFrame({STUDY_ID: [f"S{i:06d}" for i in range(n)], "split": "all"})
    embedding_sets.save(
        workspace, "large", {m: v[:n] for m, v in noisy.items()}, rows, EmbeddingSetMetadata()
    )
    return {m: v[n:] for m, v in noisy.items()}


def by_numpy(new: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """The K nearest by a product and argpartition."""
    scores = new @ gallery.T
    return np.argpartition(scores, -K, axis=1)[:, -K:]


def main(studies: int, dim: int, runs: int) -> None:
    """Print milliseconds and ratios."""
    import faiss

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        new = planted(workspace, studies, dim)
        part = embedding_sets.load(workspace, "large")
        queries = np.concatenate([*new.values()])
        start = time.perf_counter()
        neighbour_search.search_all_directions(workspace, part, "all", new, k=K)
        first = time.perf_counter() - start
        ours = median(lambda: neighbour_search.search_all_directions(workspace, part, "all", new, k=K), runs)
        loaded = [np.array(v) for v in part.vectors.values()]
        flat = [faiss.IndexFlatIP(dim) for _ in loaded]
        for index, vectors in zip(flat, loaded, strict=True):
            index.add(vectors)
        numpy = median(lambda: [by_numpy(queries, v) for v in loaded], runs)
        bare = median(lambda: [index.search(queries, K) for index in flat], runs)
        print(f"One study against {studies:,}, {dim} dimensions, medians of {runs}:")
        print(f"  all directions, own partner, how far out {1000 * ours:7.0f} ms, target {1000 * TARGET:.0f}")
        print(f"  numpy product and argpartition           {1000 * numpy:7.0f} ms, ratio {ours / numpy:.2f}")
        print(f"  faiss.IndexFlatIP                        {1000 * bare:7.0f} ms, ratio {ours / bare:.2f}")
        print(f"  the first time, the set's own distances measured and kept: {first:.1f} s")
        for kind in ("hnsw", "ivf"):
            start = time.perf_counter()
            recall = neighbour_search.search_all_directions(
                workspace, part, "all", new, k=K, index=kind
            ).recall
            built = time.perf_counter() - start
            told = ", ".join(f"{x} to {y} {share:.3f}" for (x, y), share in recall.items())
            print(f"  {kind}: built in {built:.0f} s, recall@10 {told}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    main(options.studies, options.dim, options.runs)
