"""Starts the real app on a free port, and a real browser to look at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
WEBGL = ["--disable-gpu", "--enable-unsafe-swiftshader"]  # pages painted and WebGL drawn by the processor
expect.set_options(timeout=60_000)  # milliseconds: what is waited for on a busy machine
FLAGS = ["--no-sandbox", "--disable-background-networking", "--no-first-run", *WEBGL]
BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed"),
]

CALM = """() => {
  const busy = document.querySelector(
    '[data-testid="stStatusWidget"], [data-testid="stSpinner"], [data-testid="stSkeleton"]');
  const app = document.querySelector('[data-testid="stApp"]');
  const still = !busy && app && app.getAttribute("data-test-script-state") !== "running";
  window.calmSince = still ? window.calmSince ?? performance.now() : null;
  return still && performance.now() - window.calmSince > 600;
}"""


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(home: Path, *, port: int = 0, **environment: str) -> Iterator[str]:
    """The app over a workspace; yields its address."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    settings = {**os.environ, "SUTURE_HOME": str(home), "HF_HUB_OFFLINE": "1", **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until the app answers. RuntimeError if it ends first."""
    for _ in range(240):
        if process.poll() is not None:
            raise RuntimeError("The app stopped at start.")
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
            return
        except OSError:
            time.sleep(0.25)
    raise TimeoutError(url)


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with sync_playwright() as driver:
        window = launch(driver)
        yield window
        window.close()


def launch(driver: Playwright, *flags: str) -> Browser:
    """Debian's Chromium, headless, with further flags."""
    return driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])


def settled(page: Page, *, timeout: float = 180_000) -> None:
    """Wait until the script has run and nothing is loading, and has been so for a while."""
    page.wait_for_selector("h1", timeout=timeout)
    page.evaluate("() => { window.calmSince = null; }")
    page.wait_for_function(CALM, timeout=timeout, polling=100)
