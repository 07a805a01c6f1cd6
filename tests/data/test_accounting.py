"""Found = taken + skipped for every row and every file of a source, and warnings about whole tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from suture.data.collections import storage
from suture.data.intake import intake
from suture.data.intake.report import SHOWN_PROBLEMS, IntakeReport, Skips
from suture.data.workspace import Workspace
from tests.data.test_intake import png
from tests.shell import suture

REPORT = "The heart is normal and the lungs are clear, number"


def messy(folder: Path) -> Path:
    """Three studies in a table, and what lies about in folders that people have."""
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.png").write_bytes(png(number))
    rows = [{"id": f"s{i}", "image": f"{i}.png", "report": f"{REPORT} {i}."} for i in range(3)]
    pd.DataFrame(rows).to_csv(folder / "studies.csv", index=False)
    pd.DataFrame({"scanner": ["A", "B"], "site": ["x", "y"]}).to_csv(folder / "scanners.csv", index=False)
    (folder / "notes.txt").write_text("Ask about the second scanner.")
    (folder / "report.pdf").write_bytes(b"%PDF-1.4 ...")
    (folder / "old.zip").write_bytes(b"PK\x03\x04")
    (folder / "LICENSE").write_text("Free.")
    (folder / ".DS_Store").write_bytes(b"")
    return folder


def problems(report: IntakeReport) -> dict[str, str]:
    return {item: code for item, code, _ in report.problems}


def test_every_file_that_no_study_uses_is_listed_with_its_reason(
    workspace: Workspace, tmp_path: Path
) -> None:
    report = intake(workspace, messy(tmp_path / "s"), "mine")
    assert problems(report) == {
        "3.png": "image_not_used",
        "LICENSE": "file_type_not_allowed",
        "notes.txt": "text_not_used",
        "old.zip": "nested_archive",
        "report.pdf": "file_type_not_allowed",
        "scanners.csv": "table_not_used",
    }
    assert (report.found, report.taken) == (9, 3)
    assert report.adds_up
    assert report.warnings == {"ignored_system_file": 1}


def test_a_table_alone_does_not_stand_for_its_folder(workspace: Workspace, tmp_path: Path) -> None:
    report = intake(workspace, messy(tmp_path / "s") / "studies.csv", "mine")
    assert (report.found, report.taken, report.skipped) == (3, 3, {})


def test_a_workspace_in_the_folder_is_no_part_of_the_source(tmp_path: Path) -> None:
    folder = messy(tmp_path / "s")
    first = intake(Workspace(folder / "home"), folder, "one")
    assert intake(Workspace(folder / "home"), folder, "two").found == first.found == 9


def test_the_shell_lists_items_and_warnings(tmp_path: Path) -> None:
    folder = messy(tmp_path / "s")
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(folder / "2.png")
    home = tmp_path / "home"
    code, _, said = suture(home, "import", str(folder), "--name", "plain")
    plain = " ".join(said.split())
    assert code == 0
    assert "Found 9: 3 taken, 6 skipped." in plain
    assert "skipped 1: text_not_used. The text belongs to no study." in plain
    assert "notes.txt: text_not_used." in plain
    assert "warning 1: image_constant. All pixels of the image have the same value. s2." in plain
    told = json.loads(suture(home, "import", str(folder), "--name", "json", "--json")[1])
    assert {p["item"]: p["code"] for p in told["problems"]}["report.pdf"] == "file_type_not_allowed"
    assert all(p["message"] for p in told["problems"])
    assert told["warned"] == {"image_constant": ["s2"]}
    assert told["found"] == told["taken"] + sum(told["skipped"].values())


def test_only_the_first_of_each_reason_are_kept_and_all_are_counted() -> None:
    skips, other = Skips(), Skips()
    for number in range(SHOWN_PROBLEMS + 20):
        skips._append((f"{number}", "a", ""))
        other._append((f"{number}", "b" if number % 2 else "a", ""))
    skips.merge(other)
    assert skips.counts() == {"a": SHOWN_PROBLEMS + 80, "b": 60}
    assert [code for _, code, _ in skips.first()].count("a") == SHOWN_PROBLEMS


def table(folder: Path, **columns: list[str]) -> Path:
    folder.mkdir()
    n = len(next(iter(columns.values())))
    for number in range(n):
        (folder / f"{number}.png").write_bytes(png(number))
    rows = {"image": [f"{i}.png" for i in range(n)], "report": [f"{REPORT} {i}." for i in range(n)]}
    pd.DataFrame({**columns, **rows}).to_csv(folder / "t.csv", index=False)
    return folder


@pytest.mark.parametrize(
    ("columns", "code", "count", "named"),
    [
        (
            {"patient_id": ["a", "a", "b", "b"], "split": ["train", "test", "test", "test"]},
            *("warn_patient_in_splits", 1, None),
        ),
        ({"patient_id": ["1.2E+15"] * 3 + ["1.3E+15"]}, "warn_ids_rounded", 4, ("patient_id",)),
        (
            {"id": [f"12345678901234{i}00" for i in range(4)]},
            *("warn_ids_rounded", 4, ("id",)),
        ),
        (
            {"Fold": ["1a", "2b", "3c", "4d"], "age": ["40", "41", "52", "53"]},
            *("warn_column_not_used", 1, ("Fold",)),
        ),
    ],
)
def test_what_should_be_checked_about_a_table(
    workspace: Workspace,
    tmp_path: Path,
    columns: dict[str, list[str]],
    code: str,
    count: int,
    named: tuple[str, ...] | None,
) -> None:
    report = intake(workspace, table(tmp_path / "s", **columns), "mine")
    assert report.taken == 4
    assert report.warnings.get(code) == count, report.warnings
    assert report.warned.get(code) == named


@pytest.mark.parametrize("header", ["deid_patient_id", "Pat Nr", "SubjectNumber"])
def test_a_patients_id_by_another_name_is_the_group(
    workspace: Workspace, tmp_path: Path, header: str
) -> None:
    columns = {header: ["17", "17", "18", "18"], "age": ["40", "41", "52", "53"]}
    intake(workspace, table(tmp_path / "s", **columns), "mine")
    assert storage.load(workspace, "mine").table["group"].tolist() == ["17", "17", "18", "18"]


def test_ids_that_only_look_round_raise_no_warning(workspace: Workspace, tmp_path: Path) -> None:
    columns = {"id": ["1000", "2000", "3000", "4000"], "patient_id": ["E10", "2E", "1", "2"]}
    assert not intake(workspace, table(tmp_path / "s", **columns), "mine").warnings


def test_an_image_in_a_narrow_range_of_grey_values_is_a_warning(workspace: Workspace, tmp_path: Path) -> None:
    folder = table(tmp_path / "s", id=["a", "b"])
    grey = np.random.default_rng(0).integers(124, 130, (32, 32), dtype=np.uint8)
    Image.fromarray(grey).save(folder / "1.png")
    report = intake(workspace, folder, "mine")
    assert (report.taken, report.warned) == (2, {"image_low_contrast": ("b",)})
