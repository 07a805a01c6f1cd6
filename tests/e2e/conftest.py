"""One browser, and one server of the unchanged demo, for all files with a browser that a worker gets.

The scope is the package: Playwright keeps an event loop running, which other tests must not find.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.e2e.serving import launch, serving


@pytest.fixture(scope="package")
def driver() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def window(driver: Playwright) -> Iterator[Browser]:
    opened = launch(driver)
    yield opened
    opened.close()


@pytest.fixture(scope="package")
def url(demo_home: Path) -> Iterator[str]:
    """The app on the demo. A file of tests that adds to the workspace serves a copy of its own instead."""
    with serving(demo_home) as address:
        yield address
