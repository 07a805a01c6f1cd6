"""Cells that name several images, and two tables that belong together by an id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suture.data.files.sources import FolderFiles
from suture.data.intake import Options, examine, intake
from suture.data.readers import read
from suture.data.readers.image_lists import names_in
from suture.data.readers.raw_studies import Roles
from suture.data.workspace import Workspace
from tests.data.reader_files import pictures, write

TEXTS = ("The lungs are clear.", "A small effusion.", "The heart is large.", "A nodule of 8 mm.")
PATHS = [f"images/s{i}/{k}.png" for i in range(4) for k in range(2)]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ('["a/0.png", "a/1.png"]', ["a/0.png", "a/1.png"]),
        ("['../x/0.png', '../x/1.png']", ["x/0.png", "x/1.png"]),
        ("['a.png' 'b.png']", ["a.png", "b.png"]),  # as NumPy prints it
        ("a.png; b.png", ["a.png", "b.png"]),
        ("a.png|b.png", ["a.png", "b.png"]),
        ("a.png,b.png", ["a.png", "b.png"]),
        ("scan, left.png", ["scan, left.png"]),  # a comma in a name
        ("a.png", ["a.png"]),
        ("[]", ["[]"]),
    ],
)
def test_names_in_a_cell(cell: str, names: list[str]) -> None:
    assert names_in(cell) == names


@pytest.mark.parametrize("style", ["json", "python", "semicolon", "upwards"])
def test_a_list_in_a_cell_is_the_images_of_the_study_and_none_is_lost(tmp_path: Path, style: str) -> None:
    def cell(names: list[str]) -> str:
        upward = [f"../{name}" for name in names]
        return {
            "json": json.dumps(names).replace('"', '""'),
            "python": str(names),
            "semicolon": ";".join(names),
            "upwards": str(upward),
        }[style]

    lines = [f's{i},"{cell(PATHS[2 * i : 2 * i + 2])}",{TEXTS[i]}' for i in range(4)]
    source = write(tmp_path / "s", {"t.csv": "\n".join(["id,ImagePath,report", *lines]), **pictures(*PATHS)})
    report = intake(Workspace(tmp_path / "w"), source, "c")
    assert (report.found, report.taken, report.skipped) == (8, 4, {"image_no_place": 4})
    assert {item for item, _, _ in report.problems} == {name for name in PATHS if name.endswith("/1.png")}


def test_an_image_of_a_list_that_is_a_row_of_its_own_has_a_place(tmp_path: Path) -> None:
    content = 'id,image,report\n1,"a.png;b.png",Clear.\n2,b.png,Large.\n'
    source = write(tmp_path, {"t.csv": content, **pictures("a.png", "b.png")})
    assert not read(FolderFiles(source)).problems


def two_tables(key: str, other: str) -> dict[str, str | bytes]:
    places = [f"s{i},{PATHS[2 * i + k]},{'PA' if k else 'L'}" for i in range(4) for k in range(2)]
    images = [f"{key},filename,view", *places]
    reports = [f"{other},findings"] + [f"s{i},{text}" for i, text in enumerate((*TEXTS, "No image."))]
    return {"images.csv": "\n".join(images), "reports.csv": "\n".join(reports), **pictures(*PATHS)}


@pytest.mark.parametrize(("key", "other"), [("uid", "uid"), ("study_id", "StudyID"), ("exam", "case_id")])
def test_two_tables_that_share_an_id_are_joined_and_said_so(tmp_path: Path, key: str, other: str) -> None:
    source = write(tmp_path / "s", two_tables(key, other))
    described = examine(source)
    assert (described.roles.images, described.roles.texts) == (("image",), ("findings",))
    assert "joined by" in str(described.notes["tables"])
    assert "'images.csv' and 'reports.csv'" in str(described.notes["tables"])
    report = intake(Workspace(tmp_path / "w"), source, "c")
    assert (report.found, report.taken, report.skipped) == (9, 8, {"image_missing": 1})


def test_columns_named_by_hand_may_be_in_two_tables(tmp_path: Path) -> None:
    source = write(tmp_path, two_tables("uid", "uid"))
    named = Options(overrides=Roles(images=("filename",), texts=("findings",), labels=("view",)))
    assert examine(source, options=named).roles.labels == ("view",)


def test_tables_without_a_common_id_are_not_joined_and_the_choice_is_said(tmp_path: Path) -> None:
    rows = "\n".join(["image,report", *(f"{p},{t}" for p, t in zip(PATHS, TEXTS, strict=False))])
    topics = "topic_id,text\n" + "".join(f"t{i},a long text on a topic {i}\n" for i in range(9))
    source = write(tmp_path, {"a.csv": topics, "b.csv": rows, **pictures(*PATHS)})
    described = examine(source)
    assert described.n == 4
    assert described.notes["tables"] == (
        "Read: 'b.csv' (its rows name the most images that are here). Not read: 'a.csv'."
    )
