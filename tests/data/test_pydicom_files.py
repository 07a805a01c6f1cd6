"""The test files inside pydicom's wheel: which are read, and why others are not. Nothing is downloaded."""

from __future__ import annotations

import warnings
from pathlib import Path

import gdcm
import numpy as np
import pydicom.data
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing, pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from suture.data.dicom.pixels import dicom_pixels
from suture.data.errors import Skipped

ROOT = Path(pydicom.data.__file__).parent / "test_files"
SKIPPED = {
    "dicom_no_picture": (
        "badVR.dcm liver_1frame.dcm liver_expb_1frame.dcm reportsi.dcm reportsi_with_empty_number_tags.dcm "
        "rtdose.dcm rtdose_1frame.dcm rtdose_expb.dcm rtdose_expb_1frame.dcm rtdose_rle.dcm "
        "rtdose_rle_1frame.dcm rtplan.dcm rtplan_truncated.dcm test-SR.dcm waveform_ecg.dcm "
        "ExplVR_BigEndNoMeta.dcm ExplVR_LitEndNoMeta.dcm rtstruct.dcm"
    ),
    "dicom_no_pixels": "UN_sequence.dcm empty_charset_LEI.dcm no_meta_group_length.dcm priv_SQ.dcm",
    "dicom_truncated": "MR_truncated.dcm",
    "dicom_corrupt": "meta_missing_tsyntax.dcm nested_priv_SQ.dcm",  # pixels without Rows
    "dicom_transfer_syntax_unsupported": "JPEG2000-embedded-sequence-delimiter.dcm",
    "image_too_small": "SC_rgb_small_odd.dcm SC_rgb_small_odd_big_endian.dcm SC_rgb_small_odd_jpeg.dcm",
    "file_type_not_allowed": (
        "dicomdirtests/DICOMDIR dicomdirtests/DICOMDIR-bigEnd dicomdirtests/DICOMDIR-empty.dcm "
        "dicomdirtests/DICOMDIR-implicit dicomdirtests/DICOMDIR-nooffset dicomdirtests/DICOMDIR-nopatient "
        "dicomdirtests/DICOMDIR-reordered dicomdirtests/TINY_ALPHA/DICOMDIR"
    ),
    "not_dicom": (
        "README.txt crayons.icc dicomdirtests/README.txt dicomdirtests/TINY_ALPHA/README no_meta.dcm "
        "rtplan.dump rtstruct.dump test1.json test_PN.json zipMR.gz"
    ),
}
ANSWERS = {name: code for code, names in SKIPPED.items() for name in names.split()}
HEADERS_ALONE = "dicomdirtests/TINY_ALPHA/PT"  # fifty headers
TWELVE_BIT_JPEG = ("JPEG-lossy.dcm", "JPGExtended.dcm")
LUMINANCE = np.array([0.299, 0.587, 0.114])


def files() -> dict[str, Path]:
    return {p.relative_to(ROOT).as_posix(): p for p in sorted(ROOT.rglob("*")) if p.is_file()}


def by_gdcm(path: Path, rows: int, columns: int) -> np.ndarray:
    """The stored values as GDCM's own reader gives them."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    content = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
    return np.frombuffer(content, np.uint16).reshape(rows, columns)


def by_pydicom(path: Path) -> np.ndarray:
    """The middle frame by pydicom's own operations, from 0 to 255."""
    tags = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in tags.file_meta:
        implicit, little = tags.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        tags.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    frames = int(tags.get("NumberOfFrames") or 1)
    if path.name in TWELVE_BIT_JPEG:  # pydicom hands them to no decoder
        array = by_gdcm(path, tags.Rows, tags.Columns)
    else:
        array = pixel_array(tags, index=frames // 2 if frames > 1 else None)
    if tags.PhotometricInterpretation == "PALETTE COLOR":
        array = apply_color_lut(array, tags)
    if array.ndim == 3:
        return array @ LUMINANCE * 255 / np.iinfo(array.dtype).max
    values = apply_modality_lut(array, tags)
    low, high = None, None
    if tags.get("VOILUTSequence"):
        entries = tags.VOILUTSequence[0].LUTDescriptor
        values = apply_voi(values, tags)
        low, high = 0, 2 ** entries[2] - 1
    elif tags.get("WindowWidth"):
        low, high = apply_windowing(np.array([-1e30, 1e30]), tags)
        values = apply_windowing(values, tags)
    elif tags.BitsStored == 8 and values.min() >= 0 and values.max() <= 255:
        low, high = 0, 255
    else:  # nothing says how to show it: Suture stretches it between percentiles
        low, high = np.percentile(values, (0.5, 99.5))
    shown = np.clip((values - low) / (high - low), 0, 1) * 255
    return 255 - shown if tags.PhotometricInterpretation == "MONOCHROME1" else shown


def test_every_file_has_an_answer() -> None:
    assert {*ANSWERS} <= {*files()}


@pytest.mark.parametrize("name", ANSWERS)
def test_why_a_file_is_skipped(name: str) -> None:
    with pytest.raises(Skipped) as skipped:
        dicom_pixels((ROOT / name).read_bytes())
    assert skipped.value.code == ANSWERS[name]


def test_headers_alone_are_told_as_such() -> None:
    for name, path in files().items():
        if name.startswith(HEADERS_ALONE):
            with pytest.raises(Skipped, match="a header and no pixels") as skipped:
                dicom_pixels(path.read_bytes())
            assert skipped.value.code == "dicom_no_pixels"


TAKEN = [name for name in files() if name not in ANSWERS and not name.startswith(HEADERS_ALONE)]


@pytest.mark.parametrize("name", TAKEN)
def test_every_other_file_is_shown_as_pydicoms_own_operations_show_it(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = by_pydicom(ROOT / name)
    shown = dicom_pixels((ROOT / name).read_bytes())
    assert shown.shape == expected.shape
    assert np.abs(shown - expected).max() <= 2


def test_as_many_files_are_read_as_there_are_images() -> None:
    assert len(TAKEN) >= 75
