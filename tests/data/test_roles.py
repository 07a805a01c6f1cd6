"""What a user says of columns comes first; headers of many languages and splits in any words are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from suture.data.errors import Refused
from suture.data.files.sources import MemoryFiles
from suture.data.intake import Options, examine, intake
from suture.data.phi.identifiers import header_key, is_personal
from suture.data.readers.raw_studies import Roles
from suture.data.readers.roles import guess_roles
from suture.data.tables.reading import read_table
from suture.data.workspace import COLLECTION, Workspace
from tests.data.reader_files import pictures, write

NAMES = ("a.png", "b.png", "c.png", "d.png")
TEXTS = ("The lungs are clear.", "A small effusion is seen.", "The heart is large.", "A nodule of 8 mm.")


def table(*header: str, cells: tuple[tuple[str, ...], ...] = (NAMES, TEXTS)) -> str:
    lines = [",".join(header), *(",".join(row) for row in zip(*cells, strict=True))]
    return "\n".join(lines) + "\n"


def guessed(content: str) -> Roles:
    rows = read_table(content.encode(), "t.csv")
    return guess_roles(rows, MemoryFiles(dict.fromkeys(NAMES, b"")))


def test_columns_that_a_user_names_are_taken_before_anything_is_guessed(tmp_path: Path) -> None:
    codes = ("AB12", "CD34", "EF56", "GH78")
    source = write(tmp_path / "s", {"s.csv": table("甲", "乙", cells=(NAMES, codes)), **pictures(*NAMES)})
    with pytest.raises(Refused, match="images but no text"):
        _raise(intake(Workspace(tmp_path / "w"), source, "guessed"))
    options = Options(overrides=Roles(images=("甲",), texts=("乙",)))
    assert intake(Workspace(tmp_path / "w"), source, "named", options=options).taken == 4


def _raise(report: object) -> None:
    if code := getattr(report, "refused", None):
        raise Refused(code, getattr(report, "message", ""))


def test_a_named_column_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    source = write(tmp_path, {"s.csv": table("image", "report"), **pictures(*NAMES)})
    with pytest.raises(Refused, match=r"no column 'nope'. The table has: 'image', 'report'"):
        examine(source, options=Options(overrides=Roles(texts=("nope",))))


def test_a_label_column_named_as_text_is_the_text(tmp_path: Path) -> None:
    labels = ("Edema", "Edema", "No Finding", "No Finding")
    content = table(
        "Image Index", "Finding Labels", "Patient ID", cells=(NAMES, labels, ("1", "2", "3", "4"))
    )
    source = write(tmp_path, {"entries.csv": content, **pictures(*NAMES)})
    roles = examine(source, options=Options(overrides=Roles(texts=("Finding Labels",)))).roles
    assert roles == Roles(images=("Image Index",), texts=("Finding Labels",), group="Patient ID")


def test_the_table_with_the_named_columns_is_read(tmp_path: Path) -> None:
    other = table("image", "report", cells=(NAMES, TEXTS))
    mine = table("file", "remark", cells=(NAMES[:2], TEXTS[:2]))
    source = write(tmp_path, {"a.csv": other, "b.csv": mine, **pictures(*NAMES)})
    roles = examine(source, options=Options(overrides=Roles(texts=("remark",)))).roles
    assert (roles.images, roles.texts) == (("file",), ("remark",))


def test_when_guessing_fails_the_columns_are_still_there_to_choose(tmp_path: Path) -> None:
    codes = ("AB12", "CD34", "EF56", "GH78")
    source = write(tmp_path, {"s.csv": table("甲", "乙", cells=(NAMES, codes)), **pictures(*NAMES)})
    described = examine(source)
    assert described.columns == ("甲", "乙")
    assert described.head[0] == {"甲": "a.png", "乙": "AB12"}
    assert "images but no text" in described.missing


@pytest.mark.parametrize(
    ("image", "text", "group"),
    [
        ("Bilddatei", "Befund", "Patienten-ID"),
        ("fichier", "compte-rendu", "id_patient"),
        ("imagen", "Informe", "paciente"),
        ("imagem", "Laudo", "paciente_id"),
        ("图像", "影像所见", "患者ID"),
        ("画像ファイル", "所見", "患者番号"),
        ("이미지", "판독문", "환자번호"),
    ],
)
def test_headers_of_seven_languages_are_known(image: str, text: str, group: str) -> None:
    words = ("klar", "klar.", "groß", "rund")  # one word each: only the header tells that they are texts
    content = table("n", image, text, group, cells=(("1", "2", "3", "4"), NAMES, words, ("p", "p", "q", "q")))
    roles = guessed(content)
    assert (roles.images, roles.texts, roles.group) == ((image,), (text,), group)


def test_headers_keep_letters_of_every_script_and_names_of_persons_are_told() -> None:
    assert header_key("Impressão Diagnóstica") == "impressao_diagnostica"
    assert (header_key("患者ID"), header_key("データ")) == ("患者_id", "データ")
    assert all(map(is_personal, ("患者姓名", "氏名", "환자 성명", "Geburtsdatum", "PatientName")))
    assert not any(map(is_personal, ("报告", "所見", "Befund", "laudo")))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("split", ("train", "test", "holdout", "holdout")),
        ("Split", ("TRAINING", "Test", "Test", "TRAINING")),
        ("split", ("a", "b", "b", "a")),
        ("dataset_split", ("x", "y", "y", "x")),
        ("fold", ("0", "1", "0", "1")),
        ("subset", ("dev", "held out", "dev", "dev")),
        ("partition", ("p1", "p2", "p1", "p1")),
        ("划分", ("训练集", "测试集", "测试集", "训练集")),
    ],
)
def test_a_column_called_split_is_the_split_whatever_its_words(header: str, words: tuple[str, ...]) -> None:
    roles = guessed(table("image", "report", header, cells=(NAMES, TEXTS, words)))
    assert roles.split == header


def test_a_set_of_many_values_is_not_a_split() -> None:
    roles = guessed(table("image", "report", "set", cells=(NAMES, TEXTS, ("s1", "s2", "s3", "s4"))))
    assert roles.split == ""


def test_the_values_of_a_split_are_kept_as_they_are_given(tmp_path: Path) -> None:
    words = ("Training", "HOLDOUT", "validate", "Training")
    source = write(
        tmp_path / "s",
        {"s.csv": table("image", "report", "split", cells=(NAMES, TEXTS, words)), **pictures(*NAMES)},
    )
    workspace = Workspace(tmp_path / "w")
    assert intake(workspace, source, "c").taken == 4
    from suture.data.collections import storage

    kept = storage.read(workspace.record(COLLECTION, "c")).table["split"]
    assert tuple(kept) == words


def test_a_form_may_give_back_an_image_column_that_was_made(tmp_path: Path) -> None:
    """A column of file names that is also the id keeps its cells; its images get a column of their own."""
    source = write(tmp_path / "s", {"s.csv": table("filename", "report"), **pictures(*NAMES)})
    roles = examine(source).roles
    assert (roles.study_id, roles.images) == ("filename", ("image",))
    changed = Options(layout="table", roles=replace(roles, split=""))
    assert intake(Workspace(tmp_path / "w"), source, "c", options=changed).taken == 4


def test_what_the_numbers_of_a_split_are_taken_for_is_said(tmp_path: Path) -> None:
    cells = (NAMES, TEXTS, ("0", "2", "1", "0"))
    source = write(
        tmp_path / "s", {"s.csv": table("image", "report", "split", cells=cells), **pictures(*NAMES)}
    )
    workspace = Workspace(tmp_path / "w")
    assert intake(workspace, source, "c").taken == 4
    notes = workspace.record(COLLECTION, "c").meta.notes
    assert notes["split"].startswith("as given (0 = train, 1 = val, 2 = test)")
    assert "split_numbers" not in notes
