"""Folders that mix DICOM with other images: every row of their table counts, and warnings belong to files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from suture.data.collections import storage
from suture.data.intake import intake
from suture.data.workspace import Workspace
from tests.data.test_damaged_dicom import dicom
from tests.data.test_intake import png

REPORT = "The lungs are clear and the heart is normal, number"


def mixed(folder: Path, n_dicom: int, n_png: int, *, suffix: str = ".dcm") -> Path:
    """A table that names images of both kinds, the DICOM files first."""
    folder.mkdir()
    names = [f"d{i}{suffix}" for i in range(n_dicom)] + [f"p{i}.png" for i in range(n_png)]
    for number, name in enumerate(names):
        content = png(number)
        if name.startswith("d"):
            content = dicom(SOPInstanceUID=f"1.2.{number}", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
        (folder / name).write_bytes(content)
    rows = pd.DataFrame(
        {"id": names, "image": names, "report": [f"{REPORT} {i}." for i in range(len(names))]}
    )
    rows.to_csv(folder / "studies.csv", index=False)
    return folder


def test_every_row_is_taken_whichever_kind_is_more_common(workspace: Workspace, tmp_path: Path) -> None:
    for n_dicom, n_png in ((3, 3), (5, 1), (1, 5)):
        name = f"{n_dicom} and {n_png}"
        report = intake(workspace, mixed(tmp_path / name, n_dicom, n_png), name)
        assert (report.found, report.taken) == (6, 6), report
        assert set(storage.load(workspace, name).table["study_id"].str[0]) == {"d", "p"}


def test_the_warning_of_burned_in_text_belongs_to_the_file(workspace: Workspace, tmp_path: Path) -> None:
    for suffix in (".dcm", ""):
        report = intake(workspace, mixed(tmp_path / f"s{suffix}", 1, 4, suffix=suffix), f"s{suffix}")
        assert report.taken == 5
        assert report.warned["warn_burned_in_text"] == (f"d0{suffix}",), report.warnings


def test_rows_of_a_table_without_a_dicom_file_are_counted(workspace: Workspace, tmp_path: Path) -> None:
    folder = mixed(tmp_path / "s", 3, 0)
    table = pd.read_csv(folder / "studies.csv")
    more = pd.DataFrame({"id": ["x1", "x2"], "image": ["x1.dcm", "x2.dcm"], "report": ["Lost."] * 2})
    pd.concat([table, more]).to_csv(folder / "studies.csv", index=False)
    pd.DataFrame({"scanner": ["a", "b"]}).to_csv(folder / "scanners.csv", index=False)
    report = intake(workspace, folder, "mine")
    assert (report.found, report.taken) == (6, 3)
    assert report.skipped == {"image_missing": 2, "table_not_used": 1}
    assert {item for item, code, _ in report.problems if code == "image_missing"} == {"row 4", "row 5"}


def test_images_that_a_dicom_folder_does_not_describe_are_counted(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = mixed(tmp_path / "s", 3, 1)
    (folder / "studies.csv").unlink()
    for number in range(3):
        (folder / f"d{number}.txt").write_text(f"{REPORT} {number}.")
    report = intake(workspace, folder, "mine")
    assert (report.found, report.taken, report.skipped) == (4, 3, {"image_not_used": 1})
