"""Folders as people have them, dropped on the Library page by hand: what came in, what did not, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.data.dicom_files import dicom
from tests.data.test_intake import png
from tests.e2e.serving import BROWSER, serving, settled
from tests.e2e.watching import keep, watched

pytestmark = [*BROWSER, pytest.mark.timeout(600)]
LONG = 120_000  # milliseconds: a worker starts and reads
REPORT = "The heart is normal and the lungs are clear, number"


def table(folder: Path, name: str = "studies.csv", **columns: list[str]) -> None:
    n = len(next(iter(columns.values())))
    rows = {
        "image": [f"{i}.png" for i in range(n)],
        "report": [f"{REPORT} {i}." for i in range(n)],
        **columns,
    }
    pd.DataFrame(rows).to_csv(folder / name, index=False)


def images(folder: Path, n: int) -> None:
    for number in range(n):
        (folder / f"{number}.png").write_bytes(png(number, (96, 96)))


def messy(folder: Path) -> None:
    """Images, two tables, a PDF, a note and a DICOM file that is cut."""
    images(folder, 8)
    names = [f"{i}.png" for i in range(5)] + ["gone.png", "scan.dcm"]
    patients = ["a", "a", "b", "b", "c", "c", "d"]
    table(folder, image=names, report=[f"{REPORT} {i}." for i in range(7)], patient_id=patients)
    pd.DataFrame({"scanner": ["A", "B"], "site": ["x", "y"]}).to_csv(folder / "scanners.csv", index=False)
    (folder / "scan.dcm").write_bytes(dicom()[:-40])
    (folder / "letter.pdf").write_bytes(b"%PDF-1.4 ...")
    (folder / "notes.txt").write_text("Ask about the second scanner.")
    Image.fromarray(np.random.default_rng(0).integers(100, 110, (96, 96), dtype=np.uint8)).save(
        folder / "4.png"
    )


def two_of_one_word(folder: Path) -> None:
    images(folder, 4)
    table(folder, split=["train", "train", "holdout", "holdout"])


def chinese_headers(folder: Path) -> None:
    images(folder, 4)
    rows = {"图像": [f"{i}.png" for i in range(4)], "报告": [f"{REPORT} {i}." for i in range(4)]}
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False, encoding="gbk")


def lines_of_json(folder: Path) -> None:
    images(folder, 4)
    rows = pd.DataFrame(
        {"image": [f"{i}.png" for i in range(4)], "caption": [f"{REPORT} {i}." for i in range(4)]}
    )
    rows.to_json(folder / "t.jsonl", orient="records", lines=True)


def no_header(folder: Path) -> None:
    images(folder, 4)
    rows = [(f"{i}.png", f"{REPORT} {i}.") for i in range(4)]
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False, header=False)


def patient_in_two_splits(folder: Path) -> None:
    images(folder, 4)
    table(folder, patient_id=["a", "a", "b", "b"], split=["train", "test", "test", "test"])


def rounded_ids(folder: Path) -> None:
    images(folder, 4)
    table(folder, patient_id=["1.2E+15"] * 4)


def another_suffix(folder: Path) -> None:
    images(folder, 4)
    table(folder, image=[f"{i}.jpg" for i in range(4)])


def list_in_a_cell(folder: Path) -> None:
    images(folder, 8)
    table(folder, image=[f"['{2 * i}.png', '{2 * i + 1}.png']" for i in range(4)])


def parquet_with_images(folder: Path) -> None:
    rows = {
        "image": [{"bytes": png(i), "path": None} for i in range(4)],
        "caption": [f"{REPORT} {i}." for i in range(4)],
    }
    pd.DataFrame(rows).to_parquet(folder / "train.parquet")


SOURCES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "messy": (
        messy,
        [
            "Found 13, imported 5, skipped 8.",
            "image_missing",
            "image_not_used",
            "table_not_used",
            "text_not_used",
        ],
    ),
    "split": (two_of_one_word, ["Found 4, imported 4, skipped 0."]),
    "chinese": (chinese_headers, ["Found 4, imported 4", "t.csv (GBK)"]),
    "jsonl": (lines_of_json, ["Found 4, imported 4"]),
    "no header": (no_header, ["Found 4, imported 4", "The first row of a table is not a header"]),
    "two splits": (
        patient_in_two_splits,
        ["Found 4, imported 4", "Patients have studies in more than one split"],
    ),
    "rounded": (rounded_ids, ["Found 4, imported 4", "A spreadsheet has rounded ids"]),
    "suffix": (another_suffix, ["Found 4, imported 4"]),
    "lists": (list_in_a_cell, ["Found 8, imported 4, skipped 4.", "image_no_place"]),
    "parquet": (parquet_with_images, ["Found 4, imported 4"]),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("messy") / "home") as address:
        yield address


def dropped(tab: Page, url: str, folder: Path, name: str) -> None:
    """Files chosen on the form of the Library page, named, and imported."""
    tab.goto(f"{url}/library")
    settled(tab)
    tab.get_by_text("Add a collection", exact=True).click()
    tab.locator("input[type=file]").first.set_input_files([*map(str, sorted(folder.iterdir()))])
    expect(tab.get_by_text("Check the columns")).to_be_visible(timeout=LONG)
    tab.get_by_label("Name", exact=True).first.fill(name)
    tab.keyboard.press("Enter")
    settled(tab)
    tab.get_by_role("button", name="Import", exact=True).click()


@pytest.mark.parametrize(
    ("scheme", "name"),
    [("light", "messy"), pytest.param("dark", "messy", marks=pytest.mark.slow)]
    + [pytest.param("light", name, marks=pytest.mark.slow) for name in SOURCES if name != "messy"],
)
def test_the_report_says_what_came_in_and_what_did_not(  # 10 s each: a worker starts, and the page is read
    window: Browser, url: str, tmp_path: Path, scheme: str, name: str
) -> None:
    make, said = SOURCES[name]
    folder = tmp_path / "source"
    folder.mkdir()
    make(folder)
    with watched(window, scheme=scheme) as tab:
        dropped(tab, url, folder, f"{name} {scheme}")
        expect(tab.get_by_text(f"{name} {scheme}", exact=True)).to_be_visible(
            timeout=LONG
        )  # in the list below
        settled(tab)
        expect(tab.get_by_text(said[0]).first).to_be_visible()
        tab.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
        shown = tab.locator("body").inner_text()
        keep(tab, tmp_path, f"import-{name}-{scheme}")
    for sentence in said:
        if "_" not in sentence:  # codes are cells of a table, which is drawn
            assert sentence in shown
