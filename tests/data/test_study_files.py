"""Reports that belong to a whole study, and MIMIC studies with odd views."""

from __future__ import annotations

from suture.data import readers
from suture.data.files.sources import MemoryFiles
from tests.data.dicom_files import dicom
from tests.data.reader_files import picture


def test_a_report_named_after_the_study_folder_belongs_to_all_its_images() -> None:
    contents = {f"p1/s50/{k}.dcm": dicom(SOPInstanceUID=f"1.2.{k}") for k in range(2)}
    raw = readers.read(MemoryFiles({**contents, "p1/s50.txt": b"Clear lungs.", "p1/s51.txt": b"Other."}))
    assert raw.rows["report"].tolist() == ["Clear lungs."] * 2


def test_the_only_text_of_a_study_folder_is_its_report() -> None:
    contents = {f"{s}/{k}.dcm": dicom(SOPInstanceUID=f"1.2.{s}.{k}") for s in (1, 2) for k in range(2)}
    texts = {"1/report.txt": b"Clear.", "2/a.txt": b"One.", "2/b.txt": b"Two.", "2/README.txt": b"Notes."}
    raw = readers.read(MemoryFiles({**contents, **texts}))
    assert raw.rows["report"].tolist() == ["Clear.", "Clear.", "", ""]


def test_mimic_views() -> None:
    rows = [
        ("a", 1, ""),
        ("b", 2, "LAO"),
        ("c", 2, "PA"),
        ("d", 2, "AP AXIAL"),
        ("e", 2, "LL"),
        ("f", 3, "RAO"),
    ]
    table = "dicom_id,subject_id,study_id,ViewPosition,ViewCodeSequence_CodeMeaning\n"
    table += "".join(f"{i},1,{study},{view},lateral\n" for i, study, view in rows)
    files = {f"files/{i}.jpg": picture() for i, _, _ in rows}
    raw = readers.read(MemoryFiles({"mimic-cxr-2.0.0-metadata.csv": table.encode(), **files}))
    assert raw.rows[["frontal", "lateral"]].to_numpy().tolist() == [
        ["", "files/a.jpg"],
        ["files/c.jpg", "files/e.jpg"],
        ["files/f.jpg", ""],
    ]
    left = [(name, code) for name, code, _ in raw.problems]
    assert left == [("files/b.jpg", "image_no_place"), ("files/d.jpg", "image_no_place")]


def test_a_cut_copy_does_not_use_up_the_id() -> None:
    whole = dicom()
    raw = readers.read(MemoryFiles({"a.dcm": whole[:-100], "b.dcm": whole, "c.dcm": whole}))
    assert raw.rows["image"].tolist() == ["a.dcm", "b.dcm"]  # decoding then skips the first with its reason
    assert [(name, code) for name, code, _ in raw.problems] == [("c.dcm", "duplicate_id")]
