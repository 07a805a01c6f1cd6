"""A report in a real browser without a network: figures drawn, nothing fetched, nothing of strangers run."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

from suture.workflows.report.report_data import write
from tests.analysis.test_report import by_hand
from tests.e2e.serving import BROWSER
from tests.hostile import CELL, FORMULA

pytestmark = BROWSER


@dataclass
class Heard:
    """What a page said and asked for."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("dialog", lambda d: (self.errors.append(d.message), d.dismiss()))
        page.on("request", lambda r: self.requests.append(r.url))


def test_report_opens_offline_draws_and_gives_files(window: Browser, tmp_path: Path) -> None:
    path, _ = write(by_hand(), tmp_path / "report.html")
    heard = Heard()
    page = window.new_context(offline=True, viewport={"width": 1000, "height": 900}).new_page()
    heard.listen(page)
    page.goto(path.as_uri())
    page.wait_for_selector(".chart .main-svg")
    charts = page.locator(".chart")
    assert charts.count() == 3, "histograms, map, labels"
    for i in range(charts.count()):
        drawn = charts.nth(i).locator(".trace, .bars, .points").count()
        assert drawn, f"figure {i} is empty"
    assert page.get_by_text(CELL.strip()).first.is_visible()
    saved = {}
    for button in (
        "data-chart][data-format=svg",
        "data-chart][data-format=png",
        "data-table][data-format=csv",
    ):
        with page.expect_download() as caught:
            page.locator(f"[{button}]").first.click()
        saved[button[-3:]] = Path(caught.value.path()).read_bytes()
    with page.expect_download() as caught:
        page.locator("[data-record]").click()
    record = Path(caught.value.path()).read_text()
    page.emulate_media(media="print")
    assert not page.locator("[data-record]").is_visible(), "buttons do not print"
    assert heard.errors == []
    assert [url for url in heard.requests if not url.startswith(("file:", "blob:", "data:"))] == []
    assert saved["svg"].startswith(b"<svg")
    assert saved["png"].startswith(b"\x89PNG")
    assert next(csv.reader(saved["csv"].decode().splitlines()))[0] == "number"
    assert json.loads(record)["texts"]["<i>1</i>"] == {
        "</script><b onclick=alert(3)>bold</b>{{ 7 * 7 }}": FORMULA
    }


def test_text_follows_the_dark_scheme_and_print_is_light(window: Browser, tmp_path: Path) -> None:
    path, _ = write(by_hand(), tmp_path / "report.html")
    page = window.new_context(offline=True, color_scheme="dark").new_page()
    page.goto(path.as_uri())
    paper = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(20, 24, 28)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
