"""DICOM: what is read of the tags, where reports come from, and how pixels are shown."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from data import dicom_file, readers
from data.dicom_pixels import dicom_pixels
from data.errors import Refused, Skipped
from data.files import FolderFiles, MemoryFiles
from tests.data.reader_files import picture, write

HOSTILE = Path(__file__).parents[3] / "shared" / "hostile"
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def dicom(pixels: np.ndarray | None = RAMP, *, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> bytes:
    """A CT slice of these stored values; any tag by keyword."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, pydicom.uid.UID(syntax)
    meta.MediaStorageSOPInstanceUID = tags.get("SOPInstanceUID", "1.2.3")
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = CTImageStorage, "1.2.3", "CT"
    if pixels is not None:
        _image(data, pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some values are meant to be wrong
        for keyword, value in tags.items():
            setattr(data, keyword, value)
    stream = io.BytesIO()
    data.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _image(data: FileDataset, pixels: np.ndarray) -> None:
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    shape = pixels.shape[:2] if colour else pixels.shape[-2:]
    data.Rows, data.Columns = shape
    if pixels.ndim == 3 and not colour:
        data.NumberOfFrames = len(pixels)
    data.SamplesPerPixel, data.PhotometricInterpretation = (3, "RGB") if colour else (1, "MONOCHROME2")
    if colour:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes()


def code_of(content: bytes) -> str:
    with pytest.raises(Skipped) as skipped:
        dicom_pixels(content)
    return skipped.value.code


# Pixels


def test_eight_bits_stay_as_they_are() -> None:
    shown = dicom_pixels(dicom())
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, RAMP)


def test_monochrome1_is_inverted_once() -> None:
    assert np.array_equal(dicom_pixels(dicom(PhotometricInterpretation="MONOCHROME1")), 255 - RAMP)
    both = dicom(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    assert np.array_equal(dicom_pixels(both), 255 - RAMP)


def test_signed_ct_in_its_window() -> None:
    stored = np.linspace(-1000, 1000, 256).astype(np.int16).reshape(16, 16)
    tags: dict[str, Any] = {
        "RescaleSlope": 1,
        "RescaleIntercept": -24,
        "WindowCenter": [40, 500],
        "WindowWidth": [400, 2000],
    }
    shown = dicom_pixels(dicom(stored, **tags))
    hounsfield = stored.astype(float) - 24
    expected = np.clip((hounsfield - 39.5) / 399 + 0.5, 0, 1) * 255  # PS3.3 C.11.2.1.2.1, first window
    assert np.abs(shown - expected).max() <= 0.5


def test_a_wide_window_is_not_stretched_to_what_is_there() -> None:
    shown = dicom_pixels(dicom(RAMP, WindowCenter=256, WindowWidth=512))
    assert (shown.min(), shown.max()) == (0, 127)


def test_sixteen_bits_without_a_window_are_stretched() -> None:
    stored = np.linspace(1000, 1255, 256).astype(np.uint16).reshape(16, 16)
    assert np.abs(dicom_pixels(dicom(stored)).astype(int) - RAMP).max() <= 2


def test_padding_is_black_and_no_part_of_the_range() -> None:
    stored = np.linspace(100, 355, 256).astype(np.int16).reshape(16, 16)
    padded = stored.copy()
    padded[0] = -2000
    shown = dicom_pixels(dicom(padded, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1"))
    assert (shown[0] == 0).all()
    assert shown[1, 0] > 250


def test_the_middle_frame() -> None:
    frames = np.stack([np.full((16, 16), 10 * k, np.uint8) for k in range(5)])
    assert (dicom_pixels(dicom(frames)) == 20).all()


def test_colours_become_luminance() -> None:
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[..., 1] = 100
    assert (dicom_pixels(dicom(rgb)) == 59).all()


def test_constant_pictures_are_finite() -> None:
    assert (dicom_pixels(dicom(np.full((16, 16), 7, np.uint16))) == 0).all()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"x" * 500, "not_dicom"),
        (dicom()[132:], "dicom_corrupt"),
        (dicom()[:160], "dicom_corrupt"),
        (dicom(None), "dicom_no_pixels"),
        (dicom(PixelData=b"\0" * 100), "dicom_truncated"),
        (dicom(Rows=65535, Columns=65535), "image_too_large"),
        (dicom(NumberOfFrames=-5), "dicom_corrupt"),
        (dicom(BurnedInAnnotation="YES"), "dicom_burned_in"),
        (dicom(ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"]), "dicom_burned_in"),
        (
            dicom(np.zeros((16, 16), np.int16), RescaleSlope="1e308", RescaleIntercept="nan"),
            "image_not_finite",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_why_there_is_no_picture(content: bytes, code: str) -> None:
    assert code_of(content) == code


def test_an_undecodable_syntax_is_named() -> None:
    content = dicom(syntax="1.2.840.10008.1.2.4.102", PixelData=pydicom.encaps.encapsulate([b"\0" * 8]))
    with pytest.raises(Skipped, match="The transfer syntax 'MPEG-4 AVC") as skipped:
        dicom_pixels(content)
    assert skipped.value.code == "dicom_transfer_syntax_unsupported"


def test_deflated_files_inflate_only_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    content = dicom(np.zeros((2048, 2048), np.uint8), syntax=DeflatedExplicitVRLittleEndian)
    assert dicom_pixels(content).shape == (2048, 2048)
    monkeypatch.setattr(dicom_file, "MAX_INFLATED", 2**21)
    assert code_of(content) == "dicom_too_large"


def test_sequences_may_not_nest_without_end() -> None:
    inner = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    assert code_of(dicom(ContentSequence=[inner])) == "dicom_corrupt"


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the hostile files are not part of the project")
def test_hostile_files() -> None:
    stricter = {"no_preamble.dcm": "dicom_corrupt", "DICOMDIR": "dicom_no_pixels"}  # allowed by their notes
    elsewhere = {"same_uid_b.dcm"}  # two files of one id: found by intake
    rows = csv.DictReader((HOSTILE / "expected.csv").read_text().splitlines())
    for row in (r for r in rows if r["file"].startswith("dicom/")):
        path = HOSTILE / row["file"]
        reason = stricter.get(path.name, row["reason"] if row["answer"] == "skip" else "")
        if not reason or path.name in elsewhere:
            assert dicom_pixels(path.read_bytes()).dtype == np.uint8, path.name
        else:
            assert code_of(path.read_bytes()) == reason, path.name


# Studies


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
        "study_id": "1.2.3",
        "image": "a/IM0001",
        "description": "CT. CT thorax. Lung window. CHEST",
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP",
    }
    assert raw.roles.texts == ("description",)


def test_pictures_of_one_patient_are_one_group() -> None:
    contents = {f"{k}.dcm": dicom(PatientID="007", SOPInstanceUID=f"1.2.{k}") for k in range(2)}
    raw = readers.read(MemoryFiles(contents))
    assert raw.rows["group"].nunique() == 1
    assert raw.rows["study_id"].tolist() == ["1.2.0", "1.2.1"]


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
        "DICOMDIR": dicom(None),
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
