"""What a user types as a path, and how tables name their images: found anywhere, never a wrong file."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from suture.data.collections import storage
from suture.data.intake import Options, intake
from suture.data.intake.report import IntakeReport
from suture.data.readers.file_lookup import Lookup, Match
from suture.data.workspace import Workspace
from tests.data.test_intake import png
from tests.shell import suture

REPORTS = ("The lungs are clear.", "Left pleural effusion.", "Cardiomegaly is present.")


def source(folder: Path, cells: list[str], files: list[str], *, table: str = "studies.csv") -> Path:
    """Images of these names, and a table whose rows call them by these cells."""
    for number, name in enumerate(files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(number))
    (folder / table).parent.mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame({"id": [f"s{i}" for i in range(len(cells))], "image": cells})
    rows["report"] = [f"{REPORTS[i % 3]} Number {i}." for i in range(len(cells))]
    rows.to_csv(folder / table, index=False)
    return folder


def reasons(report: IntakeReport) -> dict[str, str]:
    return {item: code for item, code, _ in report.problems}


@pytest.mark.parametrize("typed", ["studies.csv", ".", "../mine", "./studies.csv", "../mine.zip"])
def test_the_shell_reads_what_is_typed_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    folder = source(tmp_path / "mine", ["a.png", "b.png"], ["a.png", "b.png"])
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    monkeypatch.chdir(folder)
    code, _, said = suture(tmp_path / "home", "import", typed, "--name", "mine")
    assert (code, "2 of 2 studies" in said) == (0, True), said


def test_vectors_and_lists_of_splits_are_read_from_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = source(tmp_path / "mine", ["a.png", "b.png"], ["a.png", "b.png"])
    pd.DataFrame({"image": [[1.0, 0.5], [0.2, 1.0]], "text": [[0.9, 0.1], [0.3, 0.8]]}).to_parquet(
        folder / "vectors.parquet"
    )
    (folder / "held_out.txt").write_text("s1\n")
    monkeypatch.chdir(folder)
    assert suture(tmp_path / "home", "import-vectors", "vectors.parquet", "--name", "v")[0] == 0
    lists = ("--split-file", "held_out.txt")
    assert suture(tmp_path / "home", "import", "studies.csv", "--name", "mine", *lists)[0] == 0
    kept = storage.load(Workspace(tmp_path / "home"), "mine").table
    assert kept.loc[kept["study_id"] == "s1", "split"].tolist() == ["held_out"]


@pytest.mark.parametrize(
    ("cell", "file"),
    [
        ("../images/a.png", "images/a.png"),
        ("..\\images\\a.png", "images/a.png"),
        ("../tables/../images/./a.png", "images/a.png"),
        ("images/A.PNG", "images/a.png"),
        ("images/a.jpg", "images/a.png"),
        ("deep/x/a.jpg", "PNG/deep/x/a.png"),
        (unicodedata.normalize("NFC", "Größe_é.png"), unicodedata.normalize("NFD", "Größe_é.png")),
        (unicodedata.normalize("NFD", "Größe_é.png"), unicodedata.normalize("NFC", "Größe_é.png")),
    ],
)
def test_a_cell_finds_its_image(workspace: Workspace, tmp_path: Path, cell: str, file: str) -> None:
    folder = source(tmp_path / "s", [cell, "b.png"], [file, "b.png"], table="tables/studies.csv")
    report = intake(workspace, folder, "mine")
    assert (report.found, report.taken) == (2, 2), report


def test_an_absolute_path_is_read_inside_of_the_source_alone(workspace: Workspace, tmp_path: Path) -> None:
    outside = source(tmp_path / "elsewhere", [], ["x.png"]) / "x.png"
    cells = [
        str(tmp_path / "s/images/a.png"),
        str(outside),
        "/etc/hostname",
        "../../elsewhere/x.png",
        "b.png",
    ]
    folder = source(tmp_path / "s", cells, ["images/a.png", "b.png"], table="tables/studies.csv")
    report = intake(workspace, folder, "mine")
    assert (report.found, report.taken) == (5, 2)
    assert reasons(report) == dict.fromkeys(("s1", "s2", "s3"), "image_path_not_in_upload")


def test_a_folder_reached_by_a_link_knows_both_of_its_names(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("s")
    cells = [str(tmp_path / "link/a.png"), str(tmp_path / "s/b.png")]
    source(tmp_path / "s", cells, ["a.png", "b.png"])
    assert intake(workspace, tmp_path / "link", "mine").taken == 2


def test_links_inside_are_followed_and_one_that_leads_out_is_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    elsewhere = source(tmp_path / "elsewhere", [], ["c.png"])
    cells = ["a.png", "shown/b.png", "c.png"]
    folder = source(tmp_path / "s", cells, ["store/0001.png", "store/b.png"])
    (folder / "a.png").symlink_to("store/0001.png")
    (folder / "shown").symlink_to("store")
    (folder / "store" / "round").symlink_to("..")
    (folder / "c.png").symlink_to(elsewhere / "c.png")
    (folder / "out").symlink_to(elsewhere)
    report = intake(workspace, folder, "mine")
    assert report.taken == 2
    assert reasons(report)["s2"] == reasons(report)["out"] == "link_outside"
    assert "'c.png' cannot be read. It is a link out" in next(m for i, _, m in report.problems if i == "s2")


def test_two_files_of_one_name_are_both_named(workspace: Workspace, tmp_path: Path) -> None:
    folder = source(tmp_path / "s", ["x.png", "b.png", "c.png"], ["1/x.png", "2/x.png", "b.png", "c.png"])
    report = intake(workspace, folder, "mine", options=Options())
    assert report.taken == 2
    (message,) = (m for i, code, m in report.problems if (i, code) == ("s0", "image_ambiguous"))
    assert message == "The row's image can be '1/x.png', '2/x.png'. Write its path in the table."


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ("a.jpg", Match(several=("1/a.dcm", "2/a.png"))),
        ("2/a.jpg", Match("2/a.png")),
        ("3/a.jpg", Match()),
        ("notes.png", Match()),
        ("b.PNG", Match("b.PNG")),
        ("B.Png", Match(several=("b.PNG", "b.png"))),
        ("../b.png", Match(outside=True)),
        ("~/b.png", Match(outside=True)),
        ("s3://bucket/b.png", Match(outside=True)),
        ("/data/s/b.png", Match("b.png")),
        ("/data/sb.png", Match(outside=True)),
    ],
)
def test_a_wrong_image_is_worse_than_none(value: str, match: Match) -> None:
    names = ["1/a.dcm", "2/a.png", "b.png", "b.PNG", "notes.txt", "B.txt"]
    assert Lookup(names, roots=["/data/s"]).match(value) == match
