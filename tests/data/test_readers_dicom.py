"""DICOM: what is read of the tags, and where reports come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suture.data import readers
from suture.data.errors import Refused
from suture.data.files.sources import FolderFiles, MemoryFiles
from tests.data.dicom_files import dicom
from tests.data.reader_files import picture, write


def test_tags_become_cells_and_persons_do_not() -> None:
    content = dicom(
        PatientName="Doe^Jane",
        PatientID="8675309",
        AccessionNumber="ACC1",
        PatientBirthDate="19610203",
        StudyDescription="CT thorax",
        SeriesDescription="Lung window",
        BodyPartExamined="CHEST",
        ViewPosition="AP",
    )
    raw = readers.read(MemoryFiles({"a/IM0001": content}))
    (row,) = raw.rows.to_dict("records")
    assert raw.layout == "dicom"
    assert row.pop("group").startswith("p")
    assert row == {
        "study_id": "a/IM0001",
        "image": "a/IM0001",
        "description": "CT. CT thorax. Lung window. CHEST",
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP",
        "Laterality": "",
    }
    assert raw.roles.texts == ("description",)


def test_pictures_of_one_patient_are_one_group() -> None:
    contents = {f"{k}.dcm": dicom(PatientID="007", SOPInstanceUID=f"1.2.{k}") for k in range(2)}
    raw = readers.read(MemoryFiles(contents))
    assert raw.rows["group"].nunique() == 1
    assert raw.rows["study_id"].tolist() == ["0", "1"]


@pytest.mark.parametrize("key", ["SOPInstanceUID", "StudyInstanceUID", "AccessionNumber", "file"])
def test_reports_from_a_table(tmp_path: Path, key: str) -> None:
    tags: dict[str, Any] = {"SOPInstanceUID": "1.2.9", "StudyInstanceUID": "1.2.8", "AccessionNumber": "ACC7"}
    value = {**tags, "file": "x.dcm"}[key]
    table = f"{key},Findings,split\n{value},Clear lungs today.,test\nother,Nothing of note.,train\n"
    raw = readers.read(FolderFiles(write(tmp_path, {"in/x.dcm": dicom(**tags), "r.csv": table})))
    assert raw.layout == "dicom"
    assert (raw.roles.texts, raw.roles.split) == (("Findings",), "split")
    assert raw.rows[["Findings", "split"]].to_numpy().tolist() == [["Clear lungs today.", "test"]]
    assert "ACC7" not in raw.rows.to_csv()


def test_reports_from_text_files(tmp_path: Path) -> None:
    contents: dict[str, str | bytes] = {
        "x.dcm": dicom(),
        "x.txt": "Clear.",
        "y.dcm": dicom(SOPInstanceUID="1.2.4"),
    }
    raw = readers.read(FolderFiles(write(tmp_path, contents)))
    assert raw.roles.texts == ("report",)
    assert raw.rows["report"].tolist() == ["Clear.", ""]


def test_what_cannot_be_read_is_a_problem() -> None:
    contents = {
        "good.dcm": dicom(),
        "text.dcm": b"Not a picture.",
        "cut.dcm": dicom()[:160],
        "sr.dcm": dicom(None),
        "DICOMDIR": dicom(None, DirectoryRecordSequence=[]),
    }
    raw = readers.read(MemoryFiles(contents))
    assert len(raw.rows) == 1
    assert {name: code for name, code, _ in raw.problems} == {
        "text.dcm": "not_dicom",
        "cut.dcm": "dicom_corrupt",
        "sr.dcm": "dicom_no_pixels",
        "DICOMDIR": "file_type_not_allowed",
    }


def test_no_readable_file_is_a_refusal_with_the_first_reason() -> None:
    with pytest.raises(
        Refused, match=r"none of the files could be read. The first problem: 'a.dcm': The file has no"
    ):
        readers.read(MemoryFiles({"a.dcm": b"hello"}))


def test_one_dicom_among_pictures_does_not_make_the_layout() -> None:
    contents = {f"{k}.png": picture() for k in range(3)} | {"x.dcm": dicom()}
    table = "image,report\n" + "".join(f"{n},Words on {n}.\n" for n in contents)
    raw = readers.read(MemoryFiles({**contents, "t.csv": table.encode()}))
    assert (raw.layout, len(raw.rows)) == ("table", 4)


def test_pseudonyms_are_keyed() -> None:
    files = MemoryFiles({f"{k}.dcm": dicom(PatientID="007", SOPInstanceUID=f"1.2.{k}") for k in range(2)})
    first, again, other = (readers.read(files, secret=key).rows["group"] for key in ("a", "a", "b"))
    assert first.nunique() == 1
    assert first.equals(again)
    assert not first.isin(other).any()
    assert not first.isin(readers.read(files).rows["group"]).any()


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ({"StudyDescription": "CT thorax"}, "CT. CT thorax"),
        ({"StudyDescription": "CT for Jane", "PatientName": "Doe^Jane"}, "CT"),
        ({"SeriesDescription": "call 555-0101"}, "CT"),
        ({"ProtocolName": "Lungs 007123", "PatientID": "007123"}, "CT"),
        ({"BodyPartExamined": "<b>CHEST</b>"}, "CT"),
    ],
)
def test_phrases_that_may_name_a_person_are_left_out(tags: dict[str, str], kept: str) -> None:
    assert readers.read(MemoryFiles({"a.dcm": dicom(**tags)})).rows["description"].tolist() == [kept]


@pytest.mark.parametrize(
    ("tags", "codes"),
    [
        ({}, ()),
        ({"PatientName": "Doe^Jane"}, ("dicom_phi_removed",)),
        ({"OperatorsName": "Tech^Tina"}, ("dicom_phi_removed",)),
        ({"Modality": "US"}, ("warn_burned_in_text",)),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, ()),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, ("warn_burned_in_text",)),
    ],
)
def test_what_a_person_is_told(tags: dict[str, str], codes: tuple[str, ...]) -> None:
    raw = readers.read(MemoryFiles({"a.dcm": dicom(**tags)}))
    assert raw.warnings == dict.fromkeys(codes, 1)


def test_one_identifier_twice() -> None:
    contents = {f"{k}.dcm": dicom(InstanceNumber=k) for k in range(2)}
    raw = readers.read(MemoryFiles(contents))
    assert raw.rows["study_id"].tolist() == ["0"]
    assert [(name, code) for name, code, _ in raw.problems] == [("1.dcm", "duplicate_id")]
