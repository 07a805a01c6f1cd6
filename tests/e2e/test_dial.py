"""The gap dial in a real browser: the picture follows the hand there, and the server hears where it rests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from suture.analysis.posthoc.dial_plane import plane
from suture.data.workspace import SET, Workspace
from suture.workflows import dial
from suture.workflows.dial import Setting
from tests.e2e.serving import BROWSER, serving, settled

pytestmark = BROWSER

A = "demo @ demo-clip"
SETTING = Setting(A, "test", "train", "lambda-shift", ("image", "report"))


@pytest.fixture(scope="module")
def home(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because a set is kept in it."""
    return shutil.copytree(demo_home, tmp_path_factory.mktemp("dial") / "home")


@pytest.fixture(scope="module")
def url(home: Path) -> Iterator[str]:
    with serving(home) as address:
        yield address


class Hand:
    """The Gap page, and what a hand does to its dial."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.sent: list[str | bytes] = []
        self.left: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda m: self.problems.append(m.text) if self._wrong(m) else None)
        self.page.on("websocket", lambda s: s.on("framesent", lambda frame: self.sent.append(frame)))
        self.page.on("request", lambda r: None if _local(r.url, url) else self.left.append(r.url))

    @staticmethod
    def _wrong(message) -> bool:
        """Streamlit looks for its own settings under the page's address first, and is told 404."""
        return message.type == "error" and "_stcore" not in message.location.get("url", "")

    def go(self, address: str) -> None:
        self.page.goto(address)
        settled(self.page)

    def show(self, address: str) -> None:
        self.go(address)
        self.page.wait_for_selector(".gd[data-strength]", timeout=120_000)
        settled(self.page)

    @property
    def range(self):
        return self.page.get_by_role("slider", name="Strength: 0 = as is")

    def drag(self, place: int) -> None:
        """To a position, without letting go; back when it is painted."""
        self.range.evaluate(
            """(range, place) => {
              range.value = place;
              range.dispatchEvent(new Event("input", { bubbles: true }));
              return new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            }""",
            place,
        )

    def cell(self, title: str, column: int) -> str:
        row = self.page.locator(".gd tr", has=self.page.get_by_role("rowheader", name=title, exact=True))
        return row.locator("td").nth(column).inner_text()

    def map(self) -> str:
        return self.page.locator(".gd canvas").evaluate("c => c.toDataURL()")

    def hills(self) -> str:
        return self.page.locator(".gd-density").first.get_attribute("d") or ""


def _local(address: str, url: str) -> bool:
    return address.startswith((url, url.replace("http", "ws"), "data:", "blob:"))


@pytest.fixture(scope="module")
def context(window: Browser) -> Iterator[BrowserContext]:
    opened = window.new_context(viewport={"width": 1400, "height": 1000})
    yield opened
    opened.close()


@pytest.fixture
def hand(context: BrowserContext, url: str) -> Iterator[Hand]:
    opened = Hand(context, url)
    yield opened
    opened.page.close()
    assert opened.problems == []
    assert opened.left == [], "requests left the machine"


def test_everything_follows_the_hand_without_the_server(hand: Hand, url: str, home: Path) -> None:
    hand.show(f"{url}/gap")
    gaps = dial.measure_dial(Workspace(home), SETTING).numbers["centroid_gap_debiased"]
    before = hand.map(), hand.hills(), hand.page.locator(".gd-cursor").get_attribute("d")
    hand.page.evaluate(
        """() => {
          window.renders = 0;
          const what = { subtree: true, childList: true, attributes: true, characterData: true };
          new MutationObserver((all) => (window.renders += all.length)).observe(document.body, what);
        }"""
    )
    hand.sent.clear()
    for place in (3, 7, 12):
        hand.drag(place)
        assert hand.cell("Centroid gap, debiased", 1) == f"{gaps[place]:.3f}"
    after = hand.map(), hand.hills(), hand.page.locator(".gd-cursor").get_attribute("d")
    assert all(a != b for a, b in zip(before, after, strict=True))
    assert hand.range.get_attribute("aria-valuetext") == "0.60"
    expect(hand.page.locator(".gd-summary")).to_contain_text(f"Strength 0.60: centroid gap {gaps[12]:.2f}")
    hand.page.wait_for_timeout(600)
    assert hand.sent == [], "the server was asked"
    assert hand.page.evaluate("() => window.renders") == 0, "the page around the dial was drawn again"


@pytest.mark.slow  # 18 s
def test_points_lie_where_python_says(hand: Hand, url: str, home: Path) -> None:
    hand.show(f"{url}/gap")
    hand.drag(25)
    turning = dial.fit_dial(Workspace(home), SETTING)
    flat = plane(dict(zip(SETTING.pair, (turning.x, turning.y), strict=True)))
    for kind, moved in enumerate((turning.x, turning.y)):
        expected = moved.at(1.25) @ flat.axes
        seen = [hand.page.locator(".gd").evaluate("(r, at) => r.placeOf(...at)", [kind, i]) for i in range(9)]
        np.testing.assert_allclose(seen, expected[:9], atol=1e-5)


def test_keys_move_it_and_the_address_restores_it(hand: Hand, url: str) -> None:
    hand.show(f"{url}/gap")
    hand.range.focus()
    for _ in range(4):
        hand.page.keyboard.press("ArrowRight")
    expect(hand.range).to_have_attribute("aria-valuetext", "0.20")
    hand.page.wait_for_function("() => location.search.includes('dial_strength=0.2')", timeout=120_000)
    expect(hand.page.get_by_role("textbox", name="Name of the new set")).to_have_value(
        f"{A} + lambda-shift 0.2"
    )
    assert hand.range.evaluate("node => node.matches(':focus')"), "the hand was thrown off"
    shown = hand.cell("Centroid gap", 1)
    hand.show(hand.page.url)
    expect(hand.range).to_have_attribute("aria-valuetext", "0.20")
    assert hand.cell("Centroid gap", 1) == shown


@pytest.mark.slow
def test_no_bar_is_cut_at_any_strength(hand: Hand, url: str) -> None:
    hand.show(f"{url}/gap")
    for place in range(0, 31, 5):
        hand.drag(place)
        tops = hand.page.locator(".gd-density").evaluate_all(
            "paths => paths.map((p) => [p.getBBox().y, p.ownerSVGElement.viewBox.baseVal.y])"
        )
        assert all(top > edge for top, edge in tops)


@pytest.mark.slow
def test_the_split_of_the_fit_is_refused(hand: Hand, url: str) -> None:
    hand.go(f"{url}/gap?split=train")
    expect(hand.page.get_by_text("R@1 reads 1.00").first).to_be_visible(timeout=120_000)
    expect(hand.page.locator(".gd")).to_have_count(0)


@pytest.mark.slow
def test_keeping_a_position_publishes_the_set(hand: Hand, url: str, home: Path) -> None:
    hand.show(f"{url}/gap")
    hand.range.focus()
    hand.page.keyboard.press("End")
    name = f"{A} + lambda-shift 1.5"
    expect(hand.page.get_by_role("textbox", name="Name of the new set")).to_have_value(name)
    hand.page.get_by_role("button", name="Save as a set").click()
    expect(hand.page.get_by_text("It is B now").first).to_be_visible(timeout=180_000)
    assert Workspace(home).record(SET, name).meta.adapter.strength == 1.5
    settled(hand.page)
    expect(hand.range).to_have_attribute("aria-valuetext", "1.50")


@pytest.mark.slow
def test_it_fits_a_narrow_page(window: Browser, url: str) -> None:
    narrow = Hand(window.new_context(viewport={"width": 390, "height": 1000}), url)
    narrow.show(f"{url}/gap")
    boxes = narrow.page.locator(".gd figure").evaluate_all(
        "all => all.map((f) => { const b = f.getBoundingClientRect(); return [b.left, b.right, b.top]; })"
    )
    assert all(0 <= left < right <= 390 for left, right, _ in boxes)
    assert len({round(top) for *_, top in boxes}) == 4
    assert narrow.problems == []
    narrow.page.context.close()
