"""Does the gap dial follow the hand? Server time of one move and redraw, and of the measuring before it.

    python -m benchmarks.dial [STUDIES] [--browser]

5,000 studies of dim 512 shown, as many to fit on. The move is what the page's fragment does for every
position of the slider, as Streamlit's own test driver runs it: read the numbers, draw three figures and the
table. Target: 300 ms with the browser's redraw, which `--browser` adds (a real Chromium, software drawing).
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
from playwright.sync_api import Page

from analysis.dial import strengths
from data.vectors import import_vectors
from data.workspace import Workspace
from models import dial
from models.dial import Setting

STUDIES, DIM, LABELS, NAME = 5_000, 512, 10, "planted"
METHODS = ("lambda-shift", "procrustes")
PORT, START = 8765, 8  # of the server that the browser looks at, seconds


def planted(home: Path, studies: int = STUDIES) -> Workspace:
    """Two cones with a gap, labels that both share, and a split to fit on."""
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
    """Seconds that every position takes once, in all."""
    for method in METHODS:
        asked = Setting(NAME, "test", "train", method, ("image", "text"))
        start = time.perf_counter()
        measured = dial.measured(workspace, asked)
        numbers = time.perf_counter() - start
        dial.clustered(workspace, asked, "kind")
        clusters = time.perf_counter() - start - numbers
        places = len(strengths(method))
        print(f"{method}: {places} positions of {measured.n:,} x {DIM}: {numbers:.1f} s once, ", end="")
        print(f"clusters {clusters:.1f} s once per label")


def page() -> str:
    """The dial alone on a page."""
    choice = f"Choice(views.view({NAME!r}, 'test'), None, ('image', 'text'))"
    lines = ("import streamlit as st", "from pages.components import dial, views", "st.title('Dial')")
    return "\n".join((*lines, "from pages.components.shell import Choice", f"dial.section({choice})"))


def moves() -> None:
    """Milliseconds of one move on the server, for shifts and for blends."""
    from streamlit.testing.v1 import AppTest

    for method in METHODS:
        app = AppTest.from_string(page(), default_timeout=300).run()
        app.selectbox(key="dial_method").set_value(method).run()
        key = f"dial_strength_{strengths(method)[-1]:g}"
        times = []
        for strength in strengths(method)[1:13]:
            start = time.perf_counter()
            app.slider(key=key).set_value(float(strength)).run()
            times.append(1000 * (time.perf_counter() - start))
        assert not app.exception
        print(
            f"{method}: one move, server  median {statistics.median(times):.0f} ms, max {max(times):.0f} ms"
        )


def redraws(folder: Path) -> None:
    """Milliseconds from key press to the new figures painted, the slider's own wait included."""
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
            tab.wait_for_selector(".st-key-dial_curves .js-plotly-plot", timeout=120_000)
            settled(tab)
            tab.locator("[class*=st-key-dial_strength] input").focus()
            times = [press(tab, 0.05 * place) for place in range(1, 13)]
        print(
            f"one move, server and browser  median {statistics.median(times):.0f} ms, max {max(times):.0f} ms"
        )
    finally:
        server.terminate()
        server.wait(10)


def press(tab: Page, strength: float) -> float:
    """One step to the right: milliseconds until the cursor of the curves, drawn last, stands there."""
    there = (
        "s => document.querySelector('.st-key-dial_curves .js-plotly-plot')?.layout?.shapes?.[0]"
        "?.x0?.toFixed(2) === s"
    )
    start = time.perf_counter()
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function(there, arg=f"{strength:.2f}", polling=5)
    tab.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    return 1000 * (time.perf_counter() - start)


def main(*arguments: str) -> None:
    """Print how long measuring takes, and how long a move."""
    studies = next((int(a) for a in arguments if a.isdigit()), STUDIES)
    with tempfile.TemporaryDirectory() as folder:
        workspace = planted(Path(folder), studies)
        measuring(workspace)
        os.environ["SUTURE_HOME"] = str(workspace.home)
        moves()
        if "--browser" in arguments:
            redraws(Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
