"""Every page for everybody: axe-core light and dark, a phone, nothing that jumps, the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.serving import BROWSER, settled
from tests.e2e.watching import PAGES, keep, watched

pytestmark = BROWSER
LOOSE = 180_000  # milliseconds: the first visit measures
GRAVE = ("serious", "critical")
SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts.push(e.value);
  }).observe({ type: "layout-shift", buffered: true });
}"""


def violations(tab: Page) -> list[str]:
    """What axe calls serious or critical, one line a node."""
    found = Axe().run(tab).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


SCHEMES = [(page, scheme) for page in PAGES for scheme in ("light", "dark")]
FIRST = [(page, "dark" if n % 2 else "light") for n, page in enumerate(PAGES)]  # each page once
NARROW = ("overview", "map", "train", "library")  # of Gap and Compare other files look at a phone


@pytest.mark.parametrize(
    ("path", "scheme"),
    [*FIRST, *(pytest.param(*both, marks=pytest.mark.slow) for both in SCHEMES if both not in FIRST)],
)
def test_a_direct_link_opens_a_page_without_a_serious_violation(
    window: Browser, url: str, path: str, scheme: str, tmp_path: Path
) -> None:
    with watched(window, scheme=scheme) as tab:
        tab.goto(f"{url}/{path}")
        settled(tab, timeout=LOOSE)
        expect(tab.locator("h1")).to_have_text(PAGES[path])
        expect(tab.get_by_text("no patient data").first).to_be_visible()
        expect(tab.get_by_text("Traceback")).to_have_count(0)
        keep(tab, tmp_path, f"{path}-{scheme}")
        assert violations(tab) == []


@pytest.mark.parametrize(
    "path", [page if page in NARROW else pytest.param(page, marks=pytest.mark.slow) for page in PAGES]
)
def test_a_phone_scrolls_down_only(window: Browser, url: str, path: str, tmp_path: Path) -> None:
    with watched(window, width=390) as tab:
        tab.goto(f"{url}/{path}")
        settled(tab, timeout=LOOSE)
        expect(tab.locator("h1")).to_have_text(PAGES[path])
        keep(tab, tmp_path, f"{path}-390")
        for box in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
            assert tab.evaluate(f"() => {box}.scrollWidth") <= 390


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_nothing_jumps_while_a_page_loads(window: Browser, url: str, path: str) -> None:
    with watched(window) as tab:
        tab.add_init_script(f"({SHIFTS})()")
        tab.goto(f"{url}/{path}")
        settled(tab, timeout=LOOSE)
        assert tab.evaluate("() => window.shifts.reduce((sum, v) => sum + v, 0)") < 0.1


def test_the_keyboard_reaches_the_map_and_walks_it(window: Browser, url: str) -> None:
    with watched(window) as tab:
        tab.goto(f"{url}/map")
        settled(tab, timeout=LOOSE)
        expect(tab.locator(".lm").first).not_to_have_attribute("data-painted", "0", timeout=LOOSE)
        stage = tab.locator(".lm-over").first
        for _ in range(80):
            tab.keyboard.press("Tab")
            if stage.evaluate("node => node.matches(':focus-visible')"):
                break
        outline = stage.evaluate(
            "node => [getComputedStyle(node).outlineStyle, node.matches(':focus-visible')]"
        )
        assert outline == ["solid", True], "the map is reached, and shows that it has the keyboard"
        for row in (0, 1):
            tab.keyboard.press("ArrowRight")
            expect(tab.locator(".lm").first).to_have_attribute("data-hover", str(row))
            expect(tab.locator(".lm-live").first).to_contain_text(f"{row + 1} of ")
            expect(tab.locator(".lm-card").first).to_be_visible()
