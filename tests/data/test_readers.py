"""The registry, names of pictures, guessed roles, tables and pictures beside reports."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from suture.data import readers
from suture.data.errors import Refused
from suture.data.files.sources import FolderFiles, MemoryFiles, ZipFiles
from suture.data.readers.file_lookup import image_names, resolve, split_of
from suture.data.readers.raw_studies import Roles
from suture.data.readers.roles import guess_roles, header_key
from tests.data.reader_files import picture, pictures, write

TABLE = "study_id,image,report\nS0,a.png,Clear lungs.\nS1,b.png,Small effusion.\n"
NAMES = ["img/a.png", "img/b.JPG", "img/x/c.png", "img/y/c.png", "d.png"]


def rows_of(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype=str)


# Names


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("img/a.png", "img/a.png"),
        ("./img/a.png", "img/a.png"),
        (".\\img\\a.png", "img/a.png"),
        ("a.png", "img/a.png"),
        ("a", "img/a.png"),
        ("B.jpg", "img/b.JPG"),
        ("x/c.png", "img/x/c.png"),
        ("old/folder/d.png", "d.png"),
    ],
)
def test_a_value_finds_its_file(value: str, name: str) -> None:
    assert resolve([value], NAMES) == [name]


@pytest.mark.parametrize(
    "value",
    ["", "c.png", "nothing.png", "../img/a.png", "img/../../d.png", "/d.png", "C:\\d.png", "http://x/d.png"],
)
def test_what_is_ambiguous_or_leaves_the_source_finds_nothing(value: str) -> None:
    assert resolve([value], NAMES) == [""]


def test_a_path_relative_to_its_table_comes_first() -> None:
    assert resolve(["c.png"], NAMES, folder="img/y") == ["img/y/c.png"]


def test_pictures_are_known_by_suffix_and_dicom_may_have_none() -> None:
    names = ["a.png", "a.txt", "IM0001", "1.2.840.113", "b.dcm", "t.csv"]
    assert image_names(names) == ["a.png", "IM0001", "1.2.840.113", "b.dcm"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "train"),
        ("my_valid_set.csv", "valid"),
        ("test/metadata.csv", "test"),
        ("contest.csv", ""),
    ],
)
def test_split_in_a_path(name: str, split: str) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize("header", ["PatientID", "patient id", "Patient-Id", "patient_id"])
def test_headers_are_compared_in_one_spelling(header: str) -> None:
    assert header_key(header) == "patient_id"


# Roles


def studies_table(n: int = 12) -> pd.DataFrame:
    return rows_of(
        image_id=[f"i{k}" for k in range(n)],
        path=[f"./i{k}.png" for k in range(n)],
        n_same_caption=["1"] * n,
        history=[f"Fever for {k} days." for k in range(n)],
        caption=[f"Opacity number {k}." for k in range(n)],
        patient=[f"p{k // 2}" for k in range(n)],
        fold=["train", "train", "dev", "test"] * (n // 4),
        caption_group=[f"c{k // 3}" for k in range(n)],
        plane=["axial", "coronal"] * (n // 2),
        PatientName=["A B", "C D"] * (n // 2),
        see_also=["i1"] + [""] * (n - 1),
    )


def test_guess_finds_every_role() -> None:
    files = MemoryFiles({f"i{k}.png": b"" for k in range(12)})
    assert guess_roles(studies_table(), files) == Roles(
        study_id="image_id",
        images=("path",),
        texts=("caption", "history"),
        labels=("plane",),
        group="patient",
        split="fold",
        duplicate_group="caption_group",
    )


def test_two_views_are_two_picture_columns() -> None:
    files = MemoryFiles({f"{v}{k}.png": b"" for v in "fl" for k in range(4)})
    rows = rows_of(
        frontal=["f0", "f1", "f2", "f3"], lateral=["l0", "", "l2", ""], findings=["a b", "c d", "e f", "g h"]
    )
    assert guess_roles(rows, files).images == ("frontal", "lateral")


def test_absent_pictures_keep_their_column_by_spelling() -> None:
    rows = rows_of(file=["a.png", "b.png"], report=["one text", "other text"])
    assert guess_roles(rows, MemoryFiles({})).images == ("file",)


def test_sentences_are_text_when_no_header_says_so() -> None:
    rows = rows_of(
        image=["a.png", "b.png"], befund=["Kein Erguss, Herz normal gross.", "Erguss links basal."]
    )
    assert guess_roles(rows, MemoryFiles({})).texts == ("befund",)


def test_a_study_id_that_repeats_is_the_group() -> None:
    files = MemoryFiles({f"{k}.png": b"" for k in range(4)})
    rows = rows_of(study_id=["a", "a", "b", "b"], image=[f"{k}.png" for k in range(4)], report=list("wxyz"))
    roles = guess_roles(rows, files)
    assert (roles.study_id, roles.group) == ("", "study_id")


# Tables


def test_table_with_pictures_in_a_zip() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("reports.csv", TABLE)
        archive.writestr("images/a.png", picture(1))
        archive.writestr("images/b.png", picture(2))
    raw = readers.read(ZipFiles(stream.getvalue()))
    assert raw.layout == "table"
    assert raw.rows["image"].tolist() == ["images/a.png", "images/b.png"]
    assert raw.files.read("images/b.png") == picture(2)


def test_an_unresolved_name_stays_as_written(tmp_path: Path) -> None:
    write(tmp_path, {"t.csv": TABLE, **pictures("a.png")})
    assert readers.read(FolderFiles(tmp_path)).rows["image"].tolist() == ["a.png", "b.png"]


def test_the_table_that_names_pictures_is_chosen(tmp_path: Path) -> None:
    topics = "topic,text\n" + "".join(f"t{k},a long text on topic {k}\n" for k in range(9))
    write(tmp_path, {"a_topics.csv": topics, "studies.csv": TABLE, **pictures("a.png", "b.png")})
    assert len(readers.read(FolderFiles(tmp_path)).rows) == 2
    with pytest.raises(Refused, match="no column that names images"):
        readers.read(FolderFiles(tmp_path), table="a_topics.csv")


def test_tables_of_splits_are_one(tmp_path: Path) -> None:
    header = "file_name,text\n"
    write(
        tmp_path,
        {
            "train/metadata.csv": header + "0.png,first words\n1.png,second words\n",
            "test/metadata.csv": header + "0.png,third words\n",
            **pictures("train/0.png", "train/1.png", "test/0.png"),
        },
    )
    raw = readers.read(FolderFiles(tmp_path))
    assert raw.roles.split == "split"
    found = dict(zip(raw.rows["file_name"], raw.rows["split"], strict=True))
    assert found == {"test/0.png": "test", "train/0.png": "train", "train/1.png": "train"}


def test_an_id_that_also_names_the_picture_stays_an_id(tmp_path: Path) -> None:
    write(tmp_path, {"t.csv": "study_id,report\na,one text\nb,two text\n", **pictures("a.png", "b.png")})
    raw = readers.read(FolderFiles(tmp_path))
    assert raw.roles.study_id == "study_id"
    assert raw.rows[[raw.roles.study_id, *raw.roles.images]].to_numpy().tolist() == [
        ["a", "a.png"],
        ["b", "b.png"],
    ]


def test_given_roles_go_before_guessed_ones(tmp_path: Path) -> None:
    write(tmp_path, {"t.csv": "split,a,b\nS,x.png,words\n", **pictures("x.png")})
    raw = readers.read(FolderFiles(tmp_path), roles=Roles(images=("a",), texts=("split",)))
    assert raw.roles == Roles(images=("a",), texts=("split",))
    assert raw.rename == {"split": "split_text"}  # "split" is a column of every collection


def test_given_roles_must_be_columns(tmp_path: Path) -> None:
    write(tmp_path, {"t.csv": TABLE, **pictures("a.png")})
    with pytest.raises(
        Refused, match=r"The columns befund are not in the table. Columns found: 'study_id', 'image'"
    ):
        readers.read(FolderFiles(tmp_path), roles=Roles(images=("image",), texts=("befund",)))


def test_a_table_without_a_pair_lists_what_it_has() -> None:
    with pytest.raises(
        Refused, match=r"Expected a column of image names .* Columns found: 'foo', 'bar'\."
    ) as refused:
        readers.read(MemoryFiles({"t.csv": b"foo,bar\n1,2\n"}))
    assert refused.value.code == "table_columns_missing"


# Pictures beside reports


def test_pictures_beside_reports(tmp_path: Path) -> None:
    texts: dict[str, str | bytes] = {
        "train/a.txt": "Clear lungs.\n",
        "test/b.txt": "Effusion.",
        "README.txt": "Read me.",
    }
    write(tmp_path, texts | pictures("train/a.png", "test/b.png", "test/lonely.png"))
    rows = readers.read(FolderFiles(tmp_path)).rows.set_index("study_id")
    assert rows.loc["train/a"].to_dict() == {
        "image": "train/a.png",
        "report": "Clear lungs.",
        "split": "train",
    }
    assert rows.loc["test/lonely", "report"] == ""


# The registry


def test_layouts_in_order() -> None:
    assert readers.layouts() == [
        "hf_datasets",
        "webdataset",
        "mimic",
        "openi",
        "roco",
        "medpix",
        "dicom",
        "table",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            "a.png b.png",
            r"Found 2 files \(2 \.png\): images without texts\. Put NAME\.txt .*`suture import FOLDER",
        ),
        ("a.nii.gz", r"Found 1 file .*: \.nii\.gz volumes are not read\. .*`suture import studies\.csv"),
        ("a.txt", "Found 1 file .*: texts without images"),
        ("a.docx b.exe", "none of them is an image, a table or a report"),
        ("", "Found no files at all"),
    ],
)
def test_what_is_in_the_way_and_a_command_that_would_work(names: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as refused:
        readers.read(MemoryFiles(dict.fromkeys(names.split(), picture())))
    assert refused.value.code == "no_usable_files"


def test_unknown_and_unfitting_layouts() -> None:
    files = MemoryFiles({"t.csv": TABLE.encode()})
    with pytest.raises(Refused, match=r"Unknown layout 'x'. Must be one of: hf_datasets, webdataset, mimic"):
        readers.read(files, layout="x")
    with pytest.raises(Refused, match=r"Found 1 file \(1 \.csv\)\. Expected ROCO"):
        readers.read(files, layout="roco")


def test_a_table_pointed_at_is_read_in_place_of_the_layout_around_it(tmp_path: Path) -> None:
    captions = "ID,Caption\nROCO_1,A scan.\n"
    write(tmp_path, {"train_captions.csv": captions, "mine.csv": TABLE, **pictures("a.png", "b.png")})
    files = FolderFiles(tmp_path)
    assert readers.detect(files).LAYOUT == "roco"
    assert readers.read(files, table="mine.csv").layout == "table"
    assert readers.read(files, table="train_captions.csv").layout == "roco"
