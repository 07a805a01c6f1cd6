"""DICOM files that are damaged or odd: told by their kind, and shown where they can be."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)

from suture.data.dicom.pixels import dicom_pixels
from suture.data.errors import Skipped
from tests.data.dicom_files import RAMP, dicom
from tests.data.test_dicom import code_of
from tests.data.test_images import encoded

WIDE = np.tile(RAMP, (8, 8))


def _packed(stream: bytes, syntax: str, pixels: np.ndarray = RAMP) -> bytes:
    return dicom(pixels, syntax=syntax, PixelData=encapsulate([stream]))


def _compressed(syntax: str, share: float) -> bytes:
    """A picture of which so much is there."""
    data = pydicom.dcmread(io.BytesIO(dicom(WIDE)))
    data.compress(syntax, generate_instance_uid=False)
    stream = pydicom.encaps.get_frame(data.PixelData, 0, number_of_frames=1)
    return _packed(stream[: int(len(stream) * share)], syntax, WIDE)


def _cut_jpeg() -> bytes:
    """Cut, and closed as if it were whole."""
    noise = np.random.default_rng(0).integers(0, 255, WIDE.shape, np.uint8)
    stream = encoded(Image.fromarray(noise), "JPEG")
    return _packed(stream[: len(stream) // 2] + b"\xff\xd9", JPEGBaseline8Bit, WIDE)


def _swallowing() -> bytes:
    """A file whose second element declares all that follows, and more."""
    content = dicom()
    at = content.index(b"\x08\x00\x18\x00UI") + 6
    return content[:at] + struct.pack("<H", 0xFFF0) + content[at + 2 :]


def _of_other_order() -> bytes:
    return dicom().replace(ExplicitVRLittleEndian.encode() + b"\0", ExplicitVRBigEndian.encode() + b"\0")


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (_swallowing, "dicom_corrupt"),
        (_of_other_order, "dicom_corrupt"),
        (lambda: dicom(PixelData=b""), "dicom_truncated"),
        (lambda: _compressed(JPEG2000Lossless, 0.6), "dicom_truncated"),
        (lambda: _compressed(JPEGLSLossless, 0.6), "dicom_truncated"),
        (lambda: _packed(bytes(range(200)), JPEG2000Lossless), "dicom_corrupt"),
        (lambda: _packed(bytes(range(200)), JPEGLSLossless), "dicom_corrupt"),
        (_cut_jpeg, "dicom_truncated"),
    ],
)
def test_damage_is_told_by_its_kind(made: Callable[[], bytes], code: str) -> None:
    assert code_of(made()) == code


def test_a_header_with_group_lengths_and_overlays_is_no_damage() -> None:
    data = pydicom.dcmread(io.BytesIO(dicom()))
    for name in ("PixelData", "Rows", "Columns", "SOPClassUID"):
        data.pop(name, None)
    data.add_new(0x00080000, "UL", 4)
    data.add_new(0x60000010, "US", 8)
    stream = io.BytesIO()
    data.save_as(stream)
    assert code_of(stream.getvalue()) == "dicom_no_pixels"


@pytest.mark.parametrize("name", ["Rows", "BitsAllocated", "PhotometricInterpretation"])
def test_what_is_missing_is_named(name: str) -> None:
    data = pydicom.dcmread(io.BytesIO(dicom()))
    data[name].value = None
    stream = io.BytesIO()
    data.save_as(stream)
    with pytest.raises(Skipped, match=f"has no {name}"):
        dicom_pixels(stream.getvalue())


def _windowed(centre: bytes) -> bytes:
    """A file with a window of any four bytes."""
    content = dicom(WindowCenter="1000", WindowWidth="50")
    return content.replace(b"\x28\0\x50\x10DS\x04\x001000", b"\x28\0\x50\x10DS\x04\x00" + centre)


@pytest.mark.parametrize(
    "content",
    [
        _windowed(b"none"),
        _windowed(b"    "),
        _windowed(b"\\\\\\ "),
        dicom(WindowCenter=40, WindowWidth=80, VOILUTFunction="SOFT"),
    ],
    ids=["text", "blank", "several of none", "function"],
)
def test_a_window_that_is_none_does_not_cost_the_picture(content: bytes) -> None:
    assert np.array_equal(dicom_pixels(content), RAMP)


def test_an_empty_function_is_the_linear_one() -> None:
    tags = {"WindowCenter": 256, "WindowWidth": 512}
    assert np.array_equal(dicom_pixels(dicom(VOILUTFunction="", **tags)), dicom_pixels(dicom(**tags)))


@pytest.mark.parametrize("said", ["YES", "Yes", "Y", ["YES", "YES"], ["NO", "YES"]], ids=str)
def test_burned_in_text_however_it_is_marked(said: str | list[str]) -> None:
    assert code_of(dicom(BurnedInAnnotation=said)) == "dicom_burned_in"


@pytest.mark.parametrize("where", ["Shared", "PerFrame"])
@pytest.mark.parametrize("nested", [False, True])
def test_burned_in_text_of_a_frame(where: str, *, nested: bool) -> None:
    marked, group = Dataset(), Dataset()
    marked.BurnedInAnnotation = "YES"
    group.FrameAnatomySequence = [marked]
    content = dicom(**{f"{where}FunctionalGroupsSequence": [group if nested else marked]})
    assert code_of(content) == "dicom_burned_in"


def test_a_picture_that_is_marked_as_clean_is_shown() -> None:
    assert np.array_equal(dicom_pixels(dicom(BurnedInAnnotation="NO")), RAMP)
