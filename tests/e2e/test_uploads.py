"""What is dropped on My studies, in a real browser: a DICOM file, and the odd and hostile of each kind."""

from __future__ import annotations

import csv
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.test_my_studies_page import ct
from tests.conftest import BESIDE, beside
from tests.e2e.serving import BROWSER, serving, settled
from tests.e2e.watching import watched

pytestmark = [*BROWSER, pytest.mark.timeout(900)]
LONG = 240_000  # milliseconds: reads, embeds and asks; a quiet machine needs a tenth
ANSWERS = {"zip": "refuse", "image": "skip", "dicom": "skip", "table": "accept"}  # one of each in every run
QUICK = 2  # files that need no more than a minute; the others are in the slow part
PLANTED = ("JANE", "8675309", "778899", "WELBY", "Traceback")


def chosen() -> list[str]:
    """One file a folder, and those that name persons; every kind if SUTURE_EVERY_UPLOAD is set."""
    listed = BESIDE / "hostile" / "expected.csv"
    if not listed.is_file():
        return []
    with listed.open() as handle:
        kinds = defaultdict(list)
        for row in csv.DictReader(handle):
            kinds[row["file"].partition("/")[0], row["answer"], row["reason"]].append(row["file"])
    every = os.environ.get("SUTURE_EVERY_UPLOAD")
    seen, found = set(), []
    for (folder, answer, reason), files in kinds.items():
        wanted = ANSWERS.get(folder)
        if wanted and (every or (answer == wanted and folder not in seen) or "phi" in reason):
            seen.add(folder)
            found.append(files[0])
    return found


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary") / "fired"


@pytest.fixture(scope="module")
def url(demo_home: Path, canary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = shutil.copytree(demo_home, tmp_path_factory.mktemp("uploads") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOSTILE_CANARY", str(canary))
        with serving(home) as address:
            yield address


@pytest.fixture
def tab(window: Browser, url: str) -> Iterator[Page]:
    dialogs: list[str] = []
    with watched(window, width=1280) as opened:
        opened.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        opened.goto(f"{url}/my_studies")
        settled(opened)
        yield opened
    assert dialogs == []


def drop(tab: Page, *paths: Path) -> None:
    """Open the form if it is closed, and offer files."""
    if not tab.locator("details[open]", has_text="Add studies").count():
        tab.get_by_text("Add studies").first.click()
    tab.locator("input[type=file]").first.set_input_files([*map(str, paths)])
    ready = tab.locator("button:enabled", has_text="Find neighbours")  # an old one fades beside it
    expect(ready).to_be_visible(timeout=LONG)
    settled(tab)
    ready.click()


def test_a_dicom_file_is_shown_through_a_window_and_answered(tab: Page, tmp_path: Path) -> None:
    (tmp_path / "scan.dcm").write_bytes(ct())
    tab.locator("input[type=file]").first.set_input_files(tmp_path / "scan.dcm")
    expect(tab.get_by_text("as it will be stored")).to_be_visible(timeout=LONG)
    settled(tab)
    tab.get_by_text("DICOM: frame and window").click()
    settled(tab)  # a list that is opened while the page still moves is closed again
    tab.locator(".st-key-dicom_window_studies_0 input").click()
    tab.get_by_role("option", name="lung").click()
    settled(tab)
    tab.get_by_role("button", name="Find neighbours").click()
    expect(tab.get_by_text("#1 · cosine")).to_have_count(2, timeout=LONG)
    expect(tab.get_by_text("Place on the map")).to_be_visible(timeout=LONG)


@pytest.mark.parametrize(
    "file", [f if n < QUICK else pytest.param(f, marks=pytest.mark.slow) for n, f in enumerate(chosen())]
)
def test_hostile_files_are_answered_by_name(tab: Page, canary: Path, file: str) -> None:
    path = beside("hostile", *file.split("/"))
    drop(tab, path)
    answers = tab.get_by_text("#1 · cosine").or_(tab.get_by_text("Found ")).or_(tab.get_by_text(" taken"))
    expect(answers.first).to_be_visible(timeout=LONG)
    said = tab.locator("body").inner_text()
    assert not [planted for planted in PLANTED if planted in said]
    assert tab.locator('[data-testid="stException"]').count() == 0
    assert not canary.exists()
