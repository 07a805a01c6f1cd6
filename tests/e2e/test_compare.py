"""The Compare page in a real browser: the verdict, a lost study opened, and its way to Retrieval."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.serving import BROWSER, settled

pytestmark = BROWSER
LOOSE = 180_000  # milliseconds: the first visit measures


@pytest.fixture(scope="module")
def context(window: Browser) -> Iterator[BrowserContext]:
    opened = window.new_context(viewport={"width": 1400, "height": 1000})
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, url: str) -> Iterator[Page]:
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    assert errors == []
    tab.close()


def test_verdict_then_a_lost_study_then_retrieval(page: Page, url: str) -> None:
    page.goto(f"{url}/compare?flips_direction=report+→+image&flips_kind=Lost")
    settled(page, timeout=LOOSE)
    expect(page.locator("h4")).to_contain_text(
        re.compile("gap .*(closed|narrowed|unchanged|widened)"), timeout=LOOSE
    )
    first = page.locator("[class*=st-key-flips-]").get_by_role("button", name="Open study").first
    first.scroll_into_view_if_needed()
    first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("at rank")).to_have_count(2)
    expect(dialog.locator("[data-testid=stImage] img").first).to_be_visible()
    study = dialog.locator("[data-testid=stText]").first.inner_text()
    dialog.get_by_role("link", name="Open in Retrieval").click()
    page.wait_for_url("**/retrieval*")
    settled(page)
    expect(page.locator("h1")).to_have_text("Retrieval")
    assert parse_qs(urlsplit(page.url).query)["study"] == [study]


@pytest.mark.slow
def test_link_restores_what_was_looked_at(page: Page, url: str) -> None:
    page.goto(f"{url}/compare?split=val&near_kind=within+report&slices_by=sex&moved_modality=report")
    settled(page, timeout=LOOSE)
    expect(page.get_by_text("moved, by their report")).to_be_visible(timeout=LOOSE)
    asked = parse_qs(urlsplit(page.url).query)
    wanted = {"split": "val", "near_kind": "within report", "slices_by": "sex", "moved_modality": "report"}
    assert {key: asked[key] for key in wanted} == {key: [value] for key, value in wanted.items()}


def test_a_phone_sees_the_page_without_sideways_scrolling(window: Browser, url: str) -> None:
    context = window.new_context(viewport={"width": 390, "height": 800})
    tab = context.new_page()
    tab.goto(f"{url}/compare")
    settled(tab, timeout=LOOSE)
    expect(tab.locator("h4")).to_be_visible(timeout=LOOSE)
    wide = tab.evaluate("() => document.querySelector('[data-testid=\"stMain\"]').scrollWidth")
    assert wide <= 390, "the page is wider than the screen"
    context.close()
