"""Tabs that are watched: nothing they ask for leaves the machine, nothing on them goes wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

PAGES = {
    "overview": "Overview",
    "map": "Map",
    "gap": "Gap",
    "compare": "Compare",
    "retrieval": "Retrieval",
    "captions": "Captions",
    "my_studies": "My studies",
    "train": "Train",
    "report": "Report",
    "library": "Library",
}


@contextmanager
def watched(
    window: Browser, *, width: int = 1280, scheme: str = "light", offline: bool = False
) -> Iterator[Page]:
    """A tab of a fresh browser context, light or dark; whoever leaves it hears what it did wrong."""
    context = window.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        offline=offline,
    )
    asked: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: errors.append(str(error.error)))
    tab = context.new_page()
    tab.on("websocket", lambda socket: asked.append(socket.url))
    yield tab
    context.close()
    assert [url for url in asked if not at_home(url)] == [], "requests left the machine"
    assert errors == []


def at_home(url: str) -> bool:
    """Whether an address is this machine's, or no address at all."""
    local = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:")
    return url.startswith(local)


def keep(tab: Page, folder: Path, name: str) -> None:
    """A picture of the tab, in the folder that SUTURE_ARTEFACTS names or else in this one."""
    folder = Path(os.environ.get("SUTURE_ARTEFACTS") or folder)
    folder.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=folder / f"{name}.png")
    print(folder / f"{name}.png")
