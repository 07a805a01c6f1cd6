"""How quickly does the app start, and does its map stay fast at 200,000 points? Seconds in a real browser.

    python -m benchmarks.explorer [--studies N] [--runs N]

Medians in Chromium without a graphics card, every tab with an empty cache. `SUTURE_HOME` names a workspace
with the demo; without it one is made first. The large set: N studies with an image and a text vector of 256
numbers each, unit rows in clusters, imported as a user would; its layout is written before the clock starts,
so that pages compute nothing.

Peer: the same points in `st.plotly_chart` with `Scattergl`, on a separate page that names the clicked study
in a fragment, the fastest way that Streamlit offers. Same browser, same server. Its click shows nothing until
the server has answered, so its one time is compared with both of ours: the card that the browser pins, and
the study with its neighbours from the server. The pointer rests on the study before it clicks.
Bytes are those of data: columns and websocket frames, without scripts and styles.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, ElementHandle, Page

from suture.analysis.math.arrays import unit_rows
from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace, embedding_sets
from suture.workflows import layouts
from suture.workflows.demo import prepare
from tests.e2e.serving import ROOT, browser

STUDIES, DIM, CLUSTERS, RUNS, HEIGHT = 100_000, 256, 40, 5, 560
LIMIT = 300_000  # milliseconds
REST = 500  # milliseconds of the pointer on a study before it clicks
IDLE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
WALK = ("Gap", "Map", "Compare", "Retrieval", "Captions", "Library", "Overview")
VERDICT, MAPS = "server start -> verdict of the Overview", "server start -> its two maps"
PAINTED, BYTES, RECOLOUR = "navigation -> painted", "bytes a point", "recolour"
CARD, STUDY = "click -> pinned card, in the browser", "click -> study and neighbours, from the server"
TARGETS = {VERDICT: 5, PAINTED: 2, BYTES: 12, RECOLOUR: 1, CARD: 0.3}  # less than
PAGE = 1  # target in seconds for returning to a page already visited
PEER = """
import numpy as np, plotly.graph_objects as go, streamlit as st
st.set_page_config(layout="wide")
places, kinds = np.load("places.npy"), np.load("kinds.npy")
colour = st.selectbox("Colour", ["modality", "kind"], key="map_colour")
figure = go.Figure()
for xy, symbol, plain in zip(places, ("triangle-up", "diamond"), ("#0072B2", "#E69F00")):
    marker = {{"symbol": symbol, "size": 6, "color": kinds if colour == "kind" else plain}}
    figure.add_trace(go.Scattergl(x=xy[:, 0], y=xy[:, 1], mode="markers", marker=marker))
figure.update_layout(height={height}, dragmode="pan", margin=dict(l=0, r=0, t=0, b=0), showlegend=False)
def detail():
    points = (st.session_state.get("map") or {{}}).get("selection", {{}}).get("points", [])
    st.text(f"study {{points[0]['point_index']}}" if points else "none")
st.plotly_chart(figure, key="map", on_select=lambda: st.rerun("detail"))
st.fragment(detail, key="detail")()
"""
DRAWN = """() => {
    const plot = document.querySelector('.js-plotly-plot'), traces = plot?.calcdata ?? [];
    return traces.length === 2 && plot.querySelector('canvas') && plot._fullLayout.xaxis?._length;
}"""
COLOURED = """() => {
    const traces = document.querySelector('.js-plotly-plot')?.calcdata;
    return typeof traces?.[0]?.[0]?.trace.marker.color === 'object';
}"""


def vectors(n: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Unit rows of two modalities in clusters with a gap between them, and the cluster of each study."""
    rng = np.random.default_rng(seed)
    own = rng.integers(CLUSTERS, size=n)
    meaning = rng.normal(size=(CLUSTERS, DIM))[own] + 0.8 * rng.normal(size=(n, DIM))
    gap = 0.6 * rng.normal(size=DIM)
    sides = {"image": meaning + gap, "text": meaning - gap + 0.3 * rng.normal(size=(n, DIM))}
    kinds = np.char.add("kind ", (own % 8).astype(str))
    return {**{m: unit_rows(x).astype(np.float32) for m, x in sides.items()}, "kind": kinds}


def large(folder: Path, n: int) -> tuple[Path, np.ndarray]:
    """A workspace with the large set and its layout, and the peer's files. Returns (home, positions)."""
    arrays = vectors(n)
    np.savez(folder / "large.npz", study_id=np.array([f"S{i:06d}" for i in range(n)]), **arrays)
    workspace = Workspace(folder / "home")
    report = import_vectors(workspace, [folder / "large.npz"], "large")
    assert report.refused is None, report.message
    layout = layouts.pca_layout(workspace, embedding_sets.load(workspace, "large"))
    places = np.stack([*layout.maps.values()]).astype(np.float32)
    np.save(folder / "places.npy", places)
    np.save(folder / "kinds.npy", np.unique(arrays["kind"], return_inverse=True)[1])
    (folder / "peer.py").write_text(PEER.format(height=HEIGHT))
    return workspace.home, places


@contextmanager
def streamlit(script: Path, home: Path) -> Iterator[str]:
    """A Streamlit server over a script; yields its address as soon as it answers."""
    with server(script, home) as (url, _):
        yield url


@contextmanager
def server(script: Path, home: Path) -> Iterator[tuple[str, int]]:
    """As `streamlit`, and yields the process id too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    options += ["--logger.level", "warning"]
    command = [sys.executable, "-m", "streamlit", "run", script.name, *options]
    environment = {**os.environ, "SUTURE_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=script.parent, env=environment, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(url):
            if process.poll() is not None:
                raise RuntimeError("The server stopped at start.")
            time.sleep(0.02)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
    except OSError:
        return False
    return True


@contextmanager
def tab(window: Browser) -> Iterator[Page]:
    """A tab with an empty cache."""
    context = window.new_context(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def frames_of(page: Page) -> list[int]:
    """Sizes of the websocket frames; a list that grows as they arrive."""
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: sizes.append(len(data))))
    return sizes


def columns_of(page: Page) -> int:
    """Bytes of the columns that the page has fetched, their headers included."""
    fetched = "performance.getEntriesByType('resource').filter(e => e.name.includes('/column/'))"
    return int(page.evaluate(f"{fetched}.reduce((sum, e) => sum + e.transferSize, 0)"))


def until(page: Page, act: Callable[[], object], done: str, arg: object = None) -> float:
    """Seconds from an action until a condition holds in the page, checked every frame."""
    start = time.perf_counter()
    act()
    page.wait_for_function(done, arg=arg, timeout=LIMIT)
    return time.perf_counter() - start


def map_of(page: Page) -> ElementHandle:
    """The root element of the map component."""
    return page.locator(".lm").first.element_handle(timeout=LIMIT)


def started(window: Browser, home: Path) -> dict[str, float]:
    """From the start of the server's process to the verdict of the Overview, and to its maps."""
    with tab(window) as page:
        start = time.perf_counter()
        with streamlit(ROOT / "app.py", home) as url:
            page.goto(f"{url}/overview")
            page.get_by_text("degrees apart").first.wait_for(timeout=LIMIT)
            words = time.perf_counter() - start
            page.wait_for_function("lm => +lm.dataset.painted > 0", arg=map_of(page), timeout=LIMIT)
            maps = time.perf_counter() - start
    return {VERDICT: words, MAPS: maps}


def walked(window: Browser, home: Path, runs: int) -> dict[str, list[float]]:
    """Seconds from a click in the navigation to the complete page, for pages already visited."""
    seconds: dict[str, list[float]] = {name: [] for name in WALK}
    with streamlit(ROOT / "app.py", home) as url, tab(window) as page:
        page.goto(f"{url}/overview")
        page.wait_for_function(IDLE, timeout=LIMIT)
        for number in range(runs + 1):
            for name in WALK:
                taken = turned(page, name)
                if number:
                    seconds[name].append(taken)
    return seconds


def turned(page: Page, name: str) -> float:
    """Seconds from a click in the navigation until the page is idle."""
    link = page.locator("[data-testid=stSidebar]").get_by_role("link", name=name, exact=True)
    return until(page, link.click, f"document.querySelector('h1')?.textContent === '{name}' && {IDLE}")


def ours(window: Browser, url: str, points: int) -> dict[str, float]:
    """The app's map: first frame, recolouring, click, bytes."""
    found: dict[str, float] = {}
    with tab(window) as page:
        frames = frames_of(page)
        start = time.perf_counter()
        page.goto(f"{url}/map?a=large&b=none&split=all")
        root = map_of(page)
        page.wait_for_function("([lm, n]) => +lm.dataset.painted === n", arg=[root, points], timeout=LIMIT)
        found[PAINTED] = time.perf_counter() - start
        found[BYTES] = (columns_of(page) + sum(frames)) / points
        page.wait_for_function(IDLE, timeout=LIMIT)
        found[RECOLOUR] = recoloured(page, root)
        found[CARD], found[STUDY] = clicked(page, root, digits=6)
    return found


def recoloured(page: Page, root: ElementHandle) -> float:
    """Seconds from choosing a label to the frame in its colours."""
    now = page.evaluate("performance.now()")
    page.locator(".st-key-map_colour input").click()
    fresh = "([lm, t]) => +lm.dataset.asked > t && +lm.dataset.ready > +lm.dataset.asked"
    choose = page.get_by_role("option", name="kind", exact=True).click
    seconds = until(page, choose, fresh, [root, now])
    page.wait_for_function(IDLE, timeout=LIMIT)
    return seconds


def clicked(page: Page, root: ElementHandle, *, digits: int) -> tuple[float, float]:
    """Seconds from a click on a study to its card in the browser, and to the server's details of it and its
    neighbours. digits: number of digits in a study's id.
    """
    root.scroll_into_view_if_needed()
    x, y = root.evaluate("lm => lm.screenOf(0, 0, 7)")
    box = page.locator(".lm-over").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.wait_for_timeout(REST)
    start = time.perf_counter()
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_function("lm => lm.dataset.pinned", arg=root, timeout=LIMIT)
    card = time.perf_counter() - start
    study = f"S{int(root.evaluate('lm => lm.dataset.pinned')):0{digits}d}"
    said = f"document.querySelector('[data-testid=stMain]').textContent.includes('{study}') && {IDLE}"
    page.wait_for_function(said, timeout=LIMIT)
    return card, time.perf_counter() - start


def peer(window: Browser, url: str, places: np.ndarray) -> dict[str, float]:
    """The same measurements for the Plotly page."""
    found: dict[str, float] = {}
    points = places.shape[0] * places.shape[1]
    with tab(window) as page:
        frames = frames_of(page)
        found[PAINTED] = until(page, lambda: page.goto(url), DRAWN)
        found[BYTES] = (columns_of(page) + sum(frames)) / points
        page.wait_for_function(IDLE, timeout=LIMIT)
        page.locator(".st-key-map_colour input").click()
        choose = page.get_by_role("option", name="kind", exact=True).click
        found[RECOLOUR] = until(page, choose, COLOURED)
        page.wait_for_function(IDLE, timeout=LIMIT)
        where = """([x, y]) => { const plot = document.querySelector('.js-plotly-plot');
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)] }"""
        x, y = page.evaluate(where, places[0, 7].tolist())
        page.mouse.move(x, y)
        page.wait_for_timeout(REST)
        said = "document.querySelector('[data-testid=stMain]').textContent.includes('study ')"
        found[CARD] = found[STUDY] = until(page, lambda: page.mouse.click(x, y), said)
    return found


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {what: statistics.median(run[what] for run in runs) for what in runs[0]}


def line(what: str, value: float, beside: float | None = None, *, target: float | None = None) -> str:
    """One output row: ours, the peer's, the ratio, the target and whether it is met."""
    ratio = f"{beside:9.2f} {value / beside:8.2f}" if beside else " " * 18
    told = "" if target is None else f"   < {target:g}" + ("" if value < target else " (missed)")
    return f"  {what:48} {value:7.2f} {ratio}{told}".rstrip()


def main(studies: int, runs: int) -> None:
    """Print seconds, bytes, ratios and targets."""
    with tempfile.TemporaryDirectory() as place, browser() as window:
        folder = Path(place)
        demo = Path(os.environ.get("SUTURE_HOME") or folder / "demo")
        if "SUTURE_HOME" not in os.environ:
            prepare(Workspace(demo), lambda what, share: None)
        started(window, demo)  # fills the caches: layouts and evaluations of the demo
        print(f"The demo, medians of {runs}, seconds; target:")
        for what, seconds in median([started(window, demo) for _ in range(runs)]).items():
            print(line(what, seconds, target=TARGETS.get(what)))
        for name, values in walked(window, demo, runs).items():
            print(line(f"warm: click -> {name}", statistics.median(values), target=PAGE))
        home, places = large(folder, studies)
        points = places.shape[0] * places.shape[1]
        with streamlit(ROOT / "app.py", home) as url:
            first, *others = [ours(window, url, points) for _ in range(runs + 1)]
        with streamlit(folder / "peer.py", home) as url:
            peers_first, *peers = [peer(window, url, places) for _ in range(runs + 1)]
        print(f"A map of {points:,} points, medians of {runs}; seconds, st.plotly_chart's, ratio, target:")
        print(line("server's first: navigation -> painted", first[PAINTED], peers_first[PAINTED]))
        beside = median(peers)
        for what, value in median(others).items():
            print(line(what, value, beside[what], target=TARGETS.get(what)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--runs", type=int, default=RUNS)
    options = parser.parse_args()
    main(options.studies, options.runs)
