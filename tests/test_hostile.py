"""Every input of a corpus that means ill, through the one door; skipped where the corpus is absent.

What the corpus calls by another code that says the same stands in `SAME`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from suture.data import images
from suture.data.files import uploads
from suture.data.intake import Options, intake
from suture.data.intake.report import IntakeReport
from suture.data.workspace import Workspace
from tests.conftest import BESIDE

CORPUS = BESIDE / "hostile"
STUDIES = ("zip", "image", "dicom", "table")
TABLES = (".csv", ".tsv", ".parquet")
SAME: dict[str, set[str]] = {
    "dicom/structured_report.dcm": {"dicom_no_picture"},  # told by its SOP class
    "zip/with_code.zip": {"file_type_not_allowed"},  # told by the kind of file, before its content
    "table/gzip_bomb.csv.gz": {"table_too_large"},  # gzipped tables and JSON are read, within the limits
    "table/json_deep.json": {"json_too_deep"},
}
BEFORE = {"dicom/same_uid_b.dcm": "dicom/same_uid_a.dcm"}  # what it repeats


def picture(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 24), dtype=np.uint8)
    return images.encode(Image.fromarray(pixels))


PICTURES = [(f"img_{i:03d}.png", picture(i)) for i in range(24)]


def beside(file: Path) -> list[tuple[str, bytes]]:
    """The pictures that a table may name; what a file repeats."""
    first = BEFORE.get(f"{file.parent.name}/{file.name}")
    if first:
        return [((CORPUS / first).name, (CORPUS / first).read_bytes())]
    return PICTURES if file.parent.name == "table" and file.suffix in TABLES else []


def rows(*kinds: str) -> list[dict[str, str]]:
    """The corpus' table, some kinds of it."""
    table = CORPUS / "expected.csv"
    if not table.exists():
        return []
    with table.open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["file"].split("/")[0] in kinds]


def answer(workspace: Workspace, file: Path) -> IntakeReport:
    """What the door says to one upload; studies of one modality are welcome. A table comes with pictures."""
    upload = uploads.spool(workspace, [(file.name, file.read_bytes()), *beside(file)])
    try:
        return intake(workspace, upload, file.name[:60], options=Options(unpaired=True, loose=True))
    finally:
        uploads.discard(upload)


def reasons(report: IntakeReport) -> set[str]:
    """Every code of a report."""
    return {*report.skipped, *report.warnings, *([report.refused] if report.refused else [])}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One workspace for all of the corpus, as on a server."""
    return Workspace(tmp_path_factory.mktemp("hostile") / "home")


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that a payload makes when it is run."""
    path = tmp_path / "canary"
    monkeypatch.setenv("HOSTILE_CANARY", str(path))
    yield path
    assert not path.exists()


@pytest.mark.real
@pytest.mark.parametrize("row", rows(*STUDIES), ids=lambda row: row["file"])
def test_each_input_gets_its_answer(row: dict[str, str], shared: Workspace) -> None:
    report = answer(shared, CORPUS / row["file"])
    assert report.adds_up
    if row["answer"] == "accept":
        assert report.refused is None, (reasons(report), report.message, report.problems)
        assert report.taken
        return
    wanted = SAME.get(row["file"], set()) | {row["reason"]}
    assert reasons(report) & wanted, (reasons(report), report.message)
    assert row["answer"] == "skip" or report.refused or beside(CORPUS / row["file"])


@pytest.mark.real
def test_nothing_that_names_a_person_and_no_leftover_is_on_disk_after_the_corpus(shared: Workspace) -> None:
    """Runs after the tests above, on what they left; text chunks, EXIF, tags and preambles are gone."""
    kept = [p for p in shared.home.rglob("*") if p.is_file()]
    pictures = [p.read_bytes() for p in kept if p.suffix != ".parquet"]
    assert not [word for word in (b"DOE^JANE", b"JANE", b"Exif", b"<script") for p in pictures if word in p]
    assert not [*(shared.home / "uploads").iterdir(), *(shared.home / "staging").iterdir()]


@pytest.mark.real
def test_the_process_that_asks_stays_small(shared: Workspace) -> None:
    """Bombs are inflated, if at all, in the child: the server's memory does not know of them."""
    process = psutil.Process()
    before = process.memory_info().rss
    for row in rows(*STUDIES):
        if "bomb" in row["file"] or "4gb" in row["file"]:
            answer(shared, CORPUS / row["file"])
    assert process.memory_info().rss - before < 200 * 2**20
