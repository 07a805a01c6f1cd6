"""How the pixels of DICOM files are shown, and what is refused before they are touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from data import dicom_file
from data.dicom_pixels import dicom_pixels
from data.errors import Skipped
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
    monkeypatch.setattr(dicom_file, "MAX_INFLATED", 2**21)
    assert code_of(content) == "dicom_too_large"


def test_sequences_may_not_nest_without_end() -> None:
    inner = Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    assert code_of(dicom(ContentSequence=[inner])) == "dicom_corrupt"
