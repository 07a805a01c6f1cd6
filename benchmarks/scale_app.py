"""Does the app stay fast at a million studies? Seconds in a real browser, and the server's memory.

    python -m benchmarks.scale_app [--studies N]

A set of vectors only: N studies with an image and a text vector of 512 dimensions each, float16, unit rows in
clusters with a gap between the modalities. It is written and its PCA computed before the clock starts. Then,
in Chromium without a graphics card, in a tab with an empty cache: the map is opened, coloured by a label,
moved, a study is clicked, and every page is visited. Memory is the server's: anonymous memory is its own,
file-mapped memory holds vectors that the system may drop at any time.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import ElementHandle, Page

from benchmarks.explorer import (
    IDLE,
    LIMIT,
    clicked,
    columns_of,
    frames_of,
    map_of,
    recoloured,
    server,
    tab,
    turned,
)
from suture.data.metadata import EmbeddingSetMetadata
from suture.data.workspace import Workspace, embedding_sets
from suture.workflows import layouts
from tests.e2e.serving import ROOT, browser

STUDIES, DIM, CLUSTERS, CURVED, BLOCK = 1_000_000, 512, 200, 6, 16_384
NAME = "large"
WALK = ("Gap", "Overview", "Map", "Compare", "Retrieval", "Captions", "My studies", "Report", "Library")
TARGETS = {"first_map_s": 10, "click_card_s": 0.3, "server_rss_mb": 6_000}  # less than


def large(home: Path, n: int, *, seed: int = 0) -> Workspace:
    """A workspace with the set, written block by block."""
    workspace, rng = Workspace(home), np.random.default_rng(seed)
    tops = 0.8 * rng.normal(size=(12, DIM))[rng.integers(12, size=CLUSTERS)]
    centres = (tops + rng.normal(size=(CLUSTERS, DIM))).astype(np.float32)
    bases = 0.5 * rng.normal(size=(CLUSTERS, CURVED, DIM)).astype(np.float32)
    gap = 0.5 * rng.normal(size=DIM).astype(np.float32)
    own = rng.choice(CLUSTERS, size=n, p=rng.dirichlet(np.full(CLUSTERS, 1.5)))
    with tempfile.TemporaryDirectory(dir=home) as folder:
        sides = {
            m: np.lib.format.open_memmap(f"{folder}/{m}.npy", mode="w+", dtype=np.float16, shape=(n, DIM))
            for m in ("image", "text")
        }
        for start in range(0, n, BLOCK):
            of = own[start : start + BLOCK]
            bent = rng.normal(size=(len(of), CURVED)).astype(np.float32)
            meaning = centres[of] + np.einsum("nc,ncd->nd", bent, bases[of])
            for side, way, noise in zip(sides.values(), (1, -1), (0.5, 0.6), strict=True):
                z = meaning + way * gap + noise * rng.standard_normal((len(of), DIM), dtype=np.float32)
                side[start : start + BLOCK] = z / np.linalg.norm(z, axis=1, keepdims=True)
        meta = EmbeddingSetMetadata(collection="", checkpoint="", source="vectors", n=n)
        embedding_sets.save(workspace, NAME, sides, described(own, rng), meta)
    return workspace


def described(own: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Study ids, patients with two studies each, and labels with 12, 200 and many values."""
    n = len(own)
    return pd.DataFrame(
        {
            "study_id": [f"S{i:07d}" for i in range(n)],
            "group": [f"P{i // 2:06d}" for i in range(n)],
            "split": "all",
            "duplicate_group": "",
            "kind": np.char.add("kind ", (own % 12).astype(str)),
            "finding": np.char.add("finding ", own.astype(str)),
            "age": rng.integers(18, 95, size=n).astype(str),
        }
    )


def memory(pid: int) -> dict[str, float]:
    """Resident memory of a process in MB: anonymous, file-mapped, and peak."""
    rollup = dict(_numbers(Path(f"/proc/{pid}/smaps_rollup")))
    most = dict(_numbers(Path(f"/proc/{pid}/status")))["VmHWM"]
    rss, own = rollup["Rss"], rollup["Anonymous"]
    return {
        "server_rss_mb": rss,
        "server_anonymous_mb": own,
        "server_mapped_mb": rss - own,
        "server_peak_rss_mb": most,
    }


def _numbers(file: Path) -> list[tuple[str, float]]:
    lines = (line.split() for line in file.read_text().splitlines()[1:])
    return [(words[0].rstrip(":"), int(words[1]) / 1024) for words in lines if words[-1] == "kB"]


def opened(page: Page, url: str, points: int) -> tuple[ElementHandle, dict[str, float]]:
    """The map page, from navigation to the first frame, and the bytes fetched by then."""
    frames, start = frames_of(page), time.perf_counter()
    page.goto(f"{url}/map?a={NAME}&b=none&split=all")
    root = map_of(page)
    page.wait_for_function("([lm, n]) => +lm.dataset.painted === n", arg=[root, points], timeout=LIMIT)
    seconds = time.perf_counter() - start
    page.wait_for_function(IDLE, timeout=LIMIT)
    return root, {
        "first_map_s": seconds,
        "payload_bytes": columns_of(page),
        "websocket_bytes": sum(frames),
        "paint_s": float(root.get_attribute("data-ms") or "nan") / 1000,
    }


def zoomed(page: Page, root: ElementHandle) -> float:
    """Mean milliseconds per frame while zooming with the wheel."""
    box = page.locator(".lm-over").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen = []
    for _ in range(8):
        page.mouse.wheel(0, -120)
        page.wait_for_timeout(60)
        seen.append(float(root.get_attribute("data-ms") or "nan"))
    return float(np.mean(seen))


def measure(n: int, *, home: Path | None = None) -> dict[str, float]:
    """All measurements for a set of n studies. `home`: a workspace made by `large`; None = make a new one."""
    with tempfile.TemporaryDirectory() as place:
        workspace = large(Path(place), n) if home is None else Workspace(home)
        start = time.perf_counter()
        layouts.pca_layout(workspace, embedding_sets.load(workspace, NAME))
        found: dict[str, float] = {"studies": n, "points": 2 * n, "layout_s": time.perf_counter() - start}
        found["layout_peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        with server(ROOT / "app.py", workspace.home) as (url, pid), browser() as window, tab(window) as page:
            root, first = opened(page, url, 2 * n)
            found |= first | memory(pid)
            found["recolour_s"] = recoloured(page, root)
            found["click_card_s"], found["click_study_s"] = clicked(page, root, digits=7)
            found["zoom_ms"] = zoomed(page, root)
            found |= {f"page_{name.lower().replace(' ', '_')}_s": turned(page, name) for name in WALK}
            found |= {f"{key}_after_walk": value for key, value in memory(pid).items()}
    return found


def main(studies: int, home: Path | None) -> None:
    """Print every number, with the target where there is one."""
    for what, value in measure(studies, home=home).items():
        target = TARGETS.get(what)
        told = "" if target is None else f"   < {target:g}" + ("" if value < target else " (missed)")
        print(f"  {what:34} {value:14,.2f}{told}")
    print(f"  load of the machine                {os.getloadavg()[0]:14.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--home", type=Path, help="a workspace that holds the set already")
    options = parser.parse_args()
    main(options.studies, options.home)
