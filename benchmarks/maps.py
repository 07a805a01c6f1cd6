"""How fast and how faithful is the map? Seconds and trustworthiness, ours against umap-learn's own call.

    python -m benchmarks.maps [--rows N]

Peer: `umap.UMAP(metric="cosine").fit_transform(z)` with its defaults: approximate neighbours, spectral start,
all threads, a different map each time; and the same with a seed, hence on one thread, as ours. Data: 20,000 x
512, 40 overlapping clusters in 8 groups, each a curved manifold of 10 dimensions plus noise. Everything is
compiled before the clock starts. Ours is timed with and without the neighbour search, since the metrics and
the map share one graph. Target: half of the peer's time, trustworthiness (15 neighbours, cosine) within 0.01.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np

from suture.analysis.math.arrays import unit_rows
from suture.analysis.projection import Graph, trust, umap
from suture.analysis.retrieval.nearest import nearest

ROWS, DIM, CLUSTERS, GROUPS, CURVED = 20_000, 512, 40, 8, 10
NEIGHBOURS, JUDGED, CLOSE, TARGET = 15, 4_000, 0.01, 0.5


def manifold(rows: int, *, dim: int = DIM, seed: int = 0) -> np.ndarray:
    """Unit rows (rows, dim) float32 of overlapping curved clusters."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(GROUPS, dim))[np.arange(CLUSTERS) % GROUPS]
    centres = centres + 0.8 * rng.normal(size=(CLUSTERS, dim))
    own = rng.integers(CLUSTERS, size=rows)
    place = rng.normal(size=(rows, CURVED))
    bent = np.concatenate([place, np.sin(2 * place), np.square(place) - 1], axis=1)
    z = centres[own] + 0.3 * rng.normal(size=(rows, dim))
    for cluster, base in enumerate(0.25 * rng.normal(size=(CLUSTERS, 3 * CURVED, dim))):
        z[own == cluster] += bent[own == cluster] @ base
    return unit_rows(z).astype(np.float32)


def plain(z: np.ndarray, seed: int | None = None) -> np.ndarray:
    """The plain umap-learn call."""
    import umap as library

    return library.UMAP(metric="cosine", random_state=seed).fit_transform(z)


def graph_of(z: np.ndarray) -> Graph:
    """The neighbour graph that the map and its trustworthiness share."""
    return nearest(z, z, k=NEIGHBOURS + 1)


def timed(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Wall time in seconds, and the result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def compiled() -> None:
    """Run every code path once on few rows: more than 4,096, below which umap-learn takes another path."""
    z = manifold(4_200, dim=64)
    plain(z)
    plain(z, 0)
    trust(z, umap(z, graph=graph_of(z)).xy, limit=100)


def main(rows: int) -> None:
    """Print seconds, trustworthiness, continuity and ratios."""
    warnings.filterwarnings("ignore", module="umap")
    compiled()
    z = manifold(rows)
    search, graph = timed(lambda: graph_of(z))
    default = 500 if rows <= 10_000 else 200
    runs = {
        "umap.UMAP, no seed, all threads": timed(lambda: plain(z)),
        "umap.UMAP, seed 0, one thread": timed(lambda: plain(z, 0)),
        "ours on the shared graph": timed(lambda: umap(z, graph=graph).xy),
        f"ours, the library's {default} epochs": timed(lambda: umap(z, graph=graph, epochs=default).xy),
    }
    judged = {name: trust(z, xy, graph=graph, limit=JUDGED) for name, (_, xy) in runs.items()}
    print(f"{rows:,} x {DIM}, {NEIGHBOURS} neighbours, trust of {min(rows, JUDGED):,} rows; seconds:")
    for name, (seconds, _) in runs.items():
        found = judged[name]
        print(f"  {name:34} {seconds:6.1f}   T {found.trustworthiness:.4f}   C {found.continuity:.4f}")
    print(f"  {'exact neighbours (faiss)':34} {search:6.1f}")
    whole, measured = timed(lambda: trust(z, runs["ours on the shared graph"][1], graph=graph))
    print(f"  {f'trust and continuity of {measured.measured:,} rows':34} {whole:6.1f}")
    names = [*runs]
    ours, honest = runs[names[2]][0], judged[names[2]].trustworthiness
    for name in names[:2]:
        lost = judged[name].trustworthiness - honest
        ratios = (
            f"{ours / runs[name][0]:.2f} shared graph, {(ours + search) / runs[name][0]:.2f} with the search"
        )
        print(f"against {name}: {ratios} (target {TARGET}), T {-lost:+.4f} (at most {CLOSE} less)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    main(parser.parse_args().rows)
