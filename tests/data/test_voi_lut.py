"""VOI LUTs, 12-bit JPEG, kinds of DICOM without an image, and 16-bit colour."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi

from suture.data.dicom.pixels import dicom_pixels
from suture.data.dicom.view import DicomView
from suture.data.errors import Skipped
from suture.data.images import decode
from tests.data.dicom_files import RAMP, dicom

STORED = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
CURVE = np.round(4095 / (1 + np.exp(-(np.arange(4096) - 2048) / 400))).astype(np.uint16)
RESCALE: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": 0}


def lut(entries: bytes, count: int, bits: int, first: int = 0) -> dict[str, Any]:
    item = Dataset()
    item.add_new(0x00283002, "US", [count % 65536, first, bits])
    item.add_new(0x00283006, "OW", entries)
    return {"VOILUTSequence": [item], "BitsStored": 12, "HighBit": 11}


@pytest.mark.parametrize("rescale", [{}, RESCALE])
def test_a_lut_is_applied_with_and_without_a_rescale(rescale: dict[str, Any]) -> None:
    shown = dicom_pixels(dicom(STORED, **lut(CURVE.tobytes(), 4096, 12), **rescale))
    item = Dataset()
    item.VOILUTSequence = [Dataset()]
    item.VOILUTSequence[0].add_new(0x00283002, "US", [4096, 0, 12])
    item.VOILUTSequence[0].add_new(0x00283006, "US", CURVE.tolist())
    assert np.abs(shown - apply_voi(STORED, item) / 4095 * 255).max() <= 0.51


@pytest.mark.parametrize("stored_as", [np.uint8, np.uint16])
def test_entries_of_eight_bits(stored_as: type) -> None:
    entries = (CURVE >> 4).astype(stored_as)
    shown = dicom_pixels(dicom(STORED, **lut(entries.tobytes(), 4096, 8), **RESCALE))
    assert np.array_equal(shown, entries[STORED])


def test_values_beyond_the_lut_get_its_ends() -> None:
    shown = dicom_pixels(dicom(STORED, **lut(np.uint16([100, 4095]).tobytes(), 2, 12, 2000)))
    assert sorted({*shown.flat}) == [6, 255]


def test_an_unreadable_lut_is_passed_over() -> None:
    plain = dicom_pixels(dicom(STORED, BitsStored=12, HighBit=11))
    assert np.array_equal(dicom_pixels(dicom(STORED, **lut(b"\0\1", 4096, 12))), plain)
    assert np.array_equal(dicom_pixels(dicom(STORED, **lut(CURVE.tobytes(), 4096, 40))), plain)


def test_a_window_that_the_user_chose_comes_first() -> None:
    view = DicomView(window=(2048, 4096))
    with_lut = dicom_pixels(dicom(STORED, **lut(CURVE.tobytes(), 4096, 12)), view)
    assert np.array_equal(with_lut, dicom_pixels(dicom(STORED, BitsStored=12, HighBit=11), view))


def test_jpeg_extended_of_twelve_bits(tmp_path: Path) -> None:
    gdcm = pytest.importorskip("gdcm")
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
    plain = dicom(np.sort(STORED.ravel()).reshape(16, 16), BitsStored=12, HighBit=11, **window)
    (tmp_path / "a.dcm").write_bytes(plain)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(tmp_path / "a.dcm"))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(tmp_path / "b.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    shown = dicom_pixels((tmp_path / "b.dcm").read_bytes()).astype(int)
    assert np.abs(shown - dicom_pixels(plain)).mean() < 2


@pytest.mark.parametrize(
    ("uid", "kind"),
    [
        ("66.4", "segmentation"),
        ("481.2", "dose"),
        ("481.3", "structure set"),
        ("88.11", "structured report"),
        ("88.59", "key object"),
        ("104.1", "PDF"),
        ("11.1", "presentation state"),
    ],
)
@pytest.mark.parametrize("pixels", [RAMP, None])
def test_kinds_that_are_no_image(uid: str, kind: str, pixels: np.ndarray | None) -> None:
    with pytest.raises(Skipped, match=kind) as skipped:
        dicom_pixels(dicom(pixels, SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{uid}"))
    assert skipped.value.code == "dicom_no_picture"


@pytest.mark.parametrize("samples", [2, 3, 4])
def test_sixteen_bit_colour_and_alpha_are_scaled_like_grey(samples: int) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (20, 16, samples)).astype(np.uint16)
    values[0, 0] = 4095
    if samples != 3:
        values[..., -1] = 65535
    seen = values[..., : 1 if samples == 2 else 3].squeeze()
    shown = np.asarray(decode(_png(values), "a.png")).astype(int)
    assert np.abs(shown - seen / 4095 * 255).max() <= 0.51


def _png(values: np.ndarray) -> bytes:
    height, width, samples = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[samples], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks
    )
