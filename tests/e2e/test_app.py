"""What a person does on the demo, in a real browser: cold links, hover, click, search, dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.serving import BROWSER, settled

pytestmark = BROWSER


@pytest.fixture(scope="module")
def context(window: Browser) -> Iterator[BrowserContext]:
    opened = window.new_context(viewport={"width": 1400, "height": 1000})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, url: str) -> Iterator[Page]:
    """A tab that notes every request that would leave the machine and every page error."""
    tab = context.new_page()
    left: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda r: left.append(r.url) if not _local(r.url, url) else None)
    tab.on("pageerror", lambda e: errors.append(str(e)))
    yield tab
    assert left == [], "requests left the machine"
    assert errors == []
    tab.close()


def _local(address: str, url: str) -> bool:
    return address.startswith((url, url.replace("http", "ws"), "data:", "blob:"))


@pytest.mark.slow  # 21 s
def test_the_address_alone_opens_the_overview(page: Page, url: str) -> None:
    page.goto(f"{url}/")
    settled(page)
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.get_by_text("no patient data").first).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


@pytest.mark.slow
def test_link_restores_the_view(page: Page, url: str) -> None:
    page.goto(f"{url}/overview?a=demo+%40+demo-aligned&b=none&split=val")
    settled(page)
    expect(page.get_by_text("demo @ demo-aligned, val split")).to_be_visible()


def test_hover_shows_image_and_report_and_click_opens_the_study(page: Page, url: str) -> None:
    page.goto(f"{url}/map")
    settled(page)
    root = page.locator(".lm").first
    expect(root).not_to_have_attribute("data-painted", "0", timeout=120_000)
    where = root.evaluate("node => node.screenOf(0, 0, 2)")
    canvas = page.locator(".lm-over").first.bounding_box()
    assert canvas is not None
    page.mouse.move(canvas["x"] + where[0], canvas["y"] + where[1])
    card = page.locator(".lm-card").first
    expect(card).to_be_visible()
    picture = card.locator("img")
    expect(picture).not_to_have_js_property("naturalWidth", 0, timeout=120_000)
    assert picture.evaluate("node => node.naturalWidth") > 50
    assert len(card.inner_text()) > 30
    page.mouse.click(canvas["x"] + where[0], canvas["y"] + where[1])
    expect(page.get_by_text("nearest report to its image")).to_have_count(2, timeout=120_000)


def test_the_map_shows_what_is_selected_after_another_split_clear_and_undo(page: Page, url: str) -> None:
    page.goto(f"{url}/map")
    settled(page)
    root = page.locator(".lm").first
    expect(root).not_to_have_attribute("data-painted", "0", timeout=120_000)
    where = root.evaluate("node => node.screenOf(0, 0, 2)")
    canvas = page.locator(".lm-over").first.bounding_box()
    assert canvas is not None
    page.mouse.click(canvas["x"] + where[0], canvas["y"] + where[1])
    expect(root).to_have_attribute("data-selected", "1")
    expect(page.get_by_text("1 study selected")).to_be_visible(timeout=120_000)
    for split, selected in (("val", "0"), ("test", "1")):  # rows of another split are other studies
        page.locator(
            ".st-key-choose_split [role=combobox], .st-key-choose_split [data-baseweb=select]"
        ).first.click()
        page.get_by_role("option", name=split, exact=True).click()
        settled(page)
        expect(page.locator(".lm").first).to_have_attribute("data-selected", selected, timeout=120_000)
    for button, selected in (("Clear", "0"), ("Undo", "1")):
        page.get_by_role("button", name=button, exact=True).first.click()
        settled(page)
        expect(page.locator(".lm").first).to_have_attribute("data-selected", selected, timeout=120_000)


@pytest.mark.slow
def test_search_words_find_pictures(page: Page, url: str) -> None:
    page.goto(f"{url}/retrieval")
    settled(page)
    page.get_by_role("textbox", name="Text", exact=True).fill("large left pleural effusion")
    page.keyboard.press("Enter")
    expect(page.get_by_text("#1 · cosine").first).to_be_visible(timeout=120_000)
    settled(page)
    assert page.locator("[data-testid=stImage] img").count() >= 10


def test_navigation_keeps_the_choice(page: Page, url: str) -> None:
    page.goto(f"{url}/overview?split=train")
    settled(page)
    page.get_by_role("link", name="Gap", exact=True).first.click()
    page.wait_for_url("**/gap*")
    settled(page)
    expect(page.get_by_text("n = ").first).to_be_visible()
    assert "split=train" in page.url


def test_dark_scheme_is_dark(window: Browser, url: str) -> None:
    context = window.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.goto(f"{url}/overview")
    settled(tab)
    colour = tab.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    red = int(colour.split("(")[1].split(",")[0])
    assert red < 60
    context.close()


def test_upload_of_something_unreadable_says_so(page: Page, url: str, tmp_path: Path) -> None:
    (tmp_path / "reports.csv").write_bytes(b"\x00\x01\xff" * 300)
    page.goto(f"{url}/library")
    settled(page)
    page.get_by_text("Add a collection").click()
    page.locator("input[type=file]").first.set_input_files(tmp_path / "reports.csv")
    expect(page.get_by_text("is not text. Expected").first).to_be_visible(timeout=120_000)
    expect(page.get_by_text("Traceback")).to_have_count(0)
