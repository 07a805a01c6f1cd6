"""How responsive is the gap dial? Browser time of one slider move, and server time around it.

    python -m benchmarks.dial [STUDIES]

5,000 studies of dim 512 are shown, and as many used for the fit. The browser handles a move itself; the time
runs from the slider's event to the frame after the painted one, in a real Chromium with software rendering.
Target: 300 ms. The server measures every position once, and reruns the page's fragment when the slider stops.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from suture.analysis.posthoc.dial import strengths
from suture.data.vectors import import_vectors
from suture.data.workspace import Workspace
from suture.workflows import dial
from suture.workflows.dial import Setting

STUDIES, DIM, LABELS, NAME = 5_000, 512, 10, "planted"
METHODS = ("lambda-shift", "procrustes")
PORT, START = 8765, 8  # port of the server; seconds to wait for it
MOVES, TARGET = 20, 300  # number of moves; milliseconds per move


def planted(home: Path, studies: int = STUDIES) -> Workspace:
    """A workspace with two cones and a gap between them, shared labels, and a split to fit on."""
    rng = np.random.default_rng(0)
    n = 2 * studies
    label = rng.integers(LABELS, size=n)
    shared = rng.normal(size=(LABELS, DIM))[label] + rng.normal(size=(n, DIM))
    x, y = (shared + 4 * rng.normal(size=(n, DIM)) + way for way in (1.0, -1.0))
    file = home / "planted.npz"
    np.savez(
        file,
        image=x.astype(np.float32),
        text=y.astype(np.float32),
        split=np.repeat(["train", "test"], studies),
        kind=np.asarray([f"kind {i}" for i in label]),
    )
    workspace = Workspace(home / "home")
    report = import_vectors(workspace, [file], NAME)
    assert report.refused is None, report.message
    return workspace


def measuring(workspace: Workspace) -> None:
    """Total seconds to measure every position once."""
    for method in METHODS:
        asked = Setting(NAME, "test", "train", method, ("image", "text"))
        start = time.perf_counter()
        measured = dial.measure_dial(workspace, asked)
        numbers = time.perf_counter() - start
        dial.clustered(workspace, asked, "kind")
        clusters = time.perf_counter() - start - numbers
        places = len(strengths(method))
        print(f"{method}: {places} positions of {measured.n:,} x {DIM}: {numbers:.1f} s once, ", end="")
        print(f"clusters {clusters:.1f} s once per label")


def page() -> str:
    """A page with only the dial."""
    choice = f"Choice(views.view({NAME!r}, 'test'), None, ('image', 'text'))"
    lines = (
        "import streamlit as st",
        "from suture.pages.components.dial import dial",
        "from suture.pages.components.shell import views",
        "st.title('Dial')",
    )
    return "\n".join(
        (*lines, "from suture.pages.components.shell.shared_choice import Choice", f"dial.section({choice})")
    )


def rests() -> None:
    """Milliseconds of the server rerun after the slider stops, for shifts and for blends."""
    from streamlit.testing.v1 import AppTest

    for method in METHODS:
        app = AppTest.from_string(page(), default_timeout=300).run()
        app.selectbox(key="dial_method").set_value(method).run()
        if app.button and app.button[0].key == "dial_measure":
            app.button(key="dial_measure").click().run()
        times = []
        for strength in strengths(method)[1:13]:
            app.session_state[f"dial_view_{strengths(method)[-1]:g}"] = {"strength": float(strength)}
            start = time.perf_counter()
            app.run()
            times.append(1000 * (time.perf_counter() - start))
        assert not app.exception
        print(f"{method}: hand at rest, server  {spread(times)}")


def spread(times: list[float]) -> str:
    """Median and worst."""
    return f"median {statistics.median(times):.0f} ms, max {max(times):.0f} ms"


def follows(folder: Path) -> None:
    """Milliseconds from the slider's event to the painted frame, in the browser."""
    from tests.e2e.serving import ROOT, browser, settled

    script = folder / "page.py"
    script.write_text(page())
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(PORT)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen([*command, "--server.headless", "true"], cwd=ROOT, env=environment)
    try:
        with browser() as window:
            tab = window.new_page(viewport={"width": 1280, "height": 1600})
            time.sleep(START)
            tab.goto(f"http://127.0.0.1:{PORT}")
            tab.wait_for_selector(".gd[data-strength]", timeout=120_000)
            settled(tab)
            times = tab.locator(".gd input").evaluate(TURN, MOVES)
        print(f"one move, browser  {spread(times)}  (target {TARGET} ms)")
    finally:
        server.terminate()
        server.wait(10)


TURN = """async (range, moves) => {
  const frame = () => new Promise(requestAnimationFrame), times = [];
  for (let place = 1; place <= moves; place++) {
    const start = performance.now();
    range.value = place;
    range.dispatchEvent(new Event("input", { bubbles: true }));
    await frame();
    await frame();
    times.push(performance.now() - start);
  }
  return times;
}"""


def main(*arguments: str) -> None:
    """Print the times of measuring, of a move, and of the rerun after it."""
    studies = next((int(a) for a in arguments if a.isdigit()), STUDIES)
    with tempfile.TemporaryDirectory() as folder:
        workspace = planted(Path(folder), studies)
        measuring(workspace)
        os.environ["SUTURE_HOME"] = str(workspace.home)
        rests()
        follows(Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
