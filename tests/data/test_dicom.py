"""How the pixels of DICOM files are shown, and what is refused before they are touched."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from suture.data import limits
from suture.data.collections import storage
from suture.data.dicom.pixels import dicom_pixels, syntaxes
from suture.data.dicom.view import DicomView
from suture.data.errors import Refused, Skipped
from suture.data.intake import Options, intake
from suture.data.workspace import Workspace
from tests.data.dicom_files import RAMP, dicom


def code_of(content: bytes) -> str:
    with pytest.raises(Skipped) as skipped:
        dicom_pixels(content)
    return skipped.value.code


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
        (dicom()[132:400], "dicom_truncated"),
        (b"Just words.".ljust(500), "not_dicom"),
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
    monkeypatch.setenv(limits.SETTING, f'{{"dicom_bytes": {2**21}}}')
    assert code_of(content) == "dicom_too_large"


def test_sequences_may_not_nest_without_end() -> None:
    inner = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    assert code_of(dicom(ContentSequence=[inner])) == "dicom_corrupt"


# What is looked at


@pytest.mark.parametrize(("frame", "shown"), [("middle", 20), (0, 0), (3, 30), (99, 40)])
def test_the_frame_that_is_asked_for(frame: Any, shown: int) -> None:
    frames = np.stack([np.full((16, 16), 10 * k, np.uint8) for k in range(5)])
    assert (dicom_pixels(dicom(frames), DicomView(frame)) == shown).all()


def test_a_preset_is_in_hounsfield_units_and_for_ct_only() -> None:
    stored = np.linspace(-1000, 1000, 256).astype(np.int16).reshape(16, 16)
    content = {m: dicom(stored, Modality=m, RescaleSlope=1, RescaleIntercept=0) for m in ("CT", "MR")}
    bone = dicom_pixels(content["CT"], DicomView(window="bone"))
    assert np.abs(bone - np.clip((stored - 399.5) / 1799 + 0.5, 0, 1) * 255).max() <= 0.5
    assert np.array_equal(dicom_pixels(content["MR"], DicomView(window="bone")), dicom_pixels(content["MR"]))


def test_a_window_of_numbers_comes_before_the_files_own() -> None:
    content = dicom(RAMP.astype(np.uint16), WindowCenter=1, WindowWidth=1)
    shown = dicom_pixels(content, DicomView(window=(128, 256)))
    assert np.abs(shown.astype(int) - RAMP).max() <= 1


@pytest.mark.parametrize("width", [0, -5, "nan"])
def test_a_window_that_is_none_is_left_aside(width: Any) -> None:
    assert np.array_equal(dicom_pixels(dicom(WindowCenter=40, WindowWidth=width)), RAMP)


@pytest.mark.parametrize("window", ["no such", (40, 0), (float("nan"), 5)])
def test_a_window_to_ask_for_must_be_one(window: Any) -> None:
    with pytest.raises(Refused, match="window"):
        DicomView(window=window)


def test_an_enhanced_object_says_its_rescale_for_each_frame() -> None:
    frames = np.stack([np.full((16, 16), 100, np.uint16)] * 2)
    frames[:, 0] = 0
    groups = []
    for slope in (1, 2):
        rescale, window, group = Dataset(), Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = slope, 0
        window.WindowCenter, window.WindowWidth = 200.5, 401
        group.PixelValueTransformationSequence, group.FrameVOILUTSequence = [rescale], [window]
        groups.append(group)
    content = dicom(frames, PerFrameFunctionalGroupsSequence=groups)
    assert [dicom_pixels(content, DicomView(k)).max() for k in (0, 1)] == [64, 128]


# Decoders


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_pictures_are_the_same(syntax: str) -> None:
    pixels = np.tile(RAMP, (4, 4))
    data = pydicom.dcmread(io.BytesIO(dicom(pixels)))
    data.compress(syntax, generate_instance_uid=False)
    stream = io.BytesIO()
    data.save_as(stream)
    assert np.array_equal(dicom_pixels(stream.getvalue()), pixels)


def test_jpeg_lossless(tmp_path: Path) -> None:
    gdcm = pytest.importorskip("gdcm")
    (tmp_path / "a.dcm").write_bytes(dicom())
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(tmp_path / "a.dcm"))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(tmp_path / "b.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    assert np.array_equal(dicom_pixels((tmp_path / "b.dcm").read_bytes()), RAMP)


def test_the_syntaxes_that_are_declared() -> None:
    said = " ".join(syntaxes())
    for name in ("RLE", "JPEG Baseline", "JPEG Extended", "JPEG Lossless", "JPEG-LS", "JPEG 2000"):
        assert name in said


# Old and odd files


def test_without_preamble_and_without_a_syntax() -> None:
    whole = dicom(syntax=ImplicitVRLittleEndian)
    data = pydicom.dcmread(io.BytesIO(whole))
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, Dataset(data), implicit_vr=True, little_endian=True)
    assert np.array_equal(dicom_pixels(whole[132:]), RAMP)
    assert np.array_equal(dicom_pixels(stream.getvalue()), RAMP)


def test_a_directory_is_never_followed() -> None:
    assert code_of(dicom(None, DirectoryRecordSequence=[])) == "file_type_not_allowed"


def test_floats_without_bits_stored() -> None:
    data = pydicom.dcmread(io.BytesIO(dicom()))
    del data.PixelData, data.BitsStored, data.HighBit, data.PixelRepresentation
    data.BitsAllocated, data.FloatPixelData = 32, RAMP.astype("<f4").tobytes()
    stream = io.BytesIO()
    data.save_as(stream)
    assert np.abs(dicom_pixels(stream.getvalue()).astype(int) - RAMP).max() <= 2


def test_a_view_as_a_person_writes_it() -> None:
    assert DicomView.parse("middle", "lung") == DicomView("middle", "lung")
    assert DicomView.parse("3", "40, 400") == DicomView(3, (40, 400))
    for frame, window in (("first", "file"), ("-1", "file"), ("0", "40,wide"), ("0", "sharp")):
        with pytest.raises(Refused):
            DicomView.parse(frame, window)


def test_a_view_and_its_json() -> None:
    options = Options(dicom=DicomView(2, (40, 400)))
    assert Options.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_the_child_decodes_and_shows_as_asked(workspace: Workspace, tmp_path: Path) -> None:
    for number, syntax in enumerate((RLELossless, JPEGLSLossless, JPEG2000Lossless)):
        frames = np.stack([np.tile(RAMP, (4, 4)) // (k + 1) for k in range(3)])
        data = pydicom.dcmread(io.BytesIO(dicom(frames, SOPInstanceUID=f"1.2.{number}")))
        data.compress(syntax, generate_instance_uid=False)
        data.save_as(tmp_path / f"{number}.dcm")
    report = intake(workspace, tmp_path, "shown", options=Options(dicom=DicomView(2)))
    assert (report.taken, report.skipped) == (3, {})
    pack = storage.image_pack(workspace, "shown")
    assert pack is not None
    assert all(np.asarray(pack.decode(k)).max() == 85 for k in range(3))
