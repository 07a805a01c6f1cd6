"""The test files inside pydicom's wheel: which are read, and why others are not. Nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import pydicom.data
import pytest

from suture.data.dicom.pixels import dicom_pixels
from suture.data.errors import Skipped

ROOT = Path(pydicom.data.__file__).parent / "test_files"
SKIPPED = {
    "dicom_no_picture": (
        "badVR.dcm liver_1frame.dcm liver_expb_1frame.dcm reportsi.dcm reportsi_with_empty_number_tags.dcm "
        "rtdose.dcm rtdose_1frame.dcm rtdose_expb.dcm rtdose_expb_1frame.dcm rtdose_rle.dcm "
        "rtdose_rle_1frame.dcm rtplan.dcm rtplan_truncated.dcm test-SR.dcm waveform_ecg.dcm"
    ),
    "dicom_truncated": "MR_truncated.dcm",
    "image_too_small": "SC_rgb_small_odd.dcm SC_rgb_small_odd_big_endian.dcm SC_rgb_small_odd_jpeg.dcm",
    "file_type_not_allowed": "dicomdirtests/DICOMDIR dicomdirtests/DICOMDIR-bigEnd",
}
NO_IMAGE_OR_ODD = {  # not read; their codes are not part of these expectations
    "ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "JPEG2000-embedded-sequence-delimiter.dcm",
    "UN_sequence.dcm", "empty_charset_LEI.dcm", "meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm",
    "no_meta.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm", "rtstruct.dcm",
}  # fmt: skip
ANSWERS = {name: code for code, names in SKIPPED.items() for name in names.split()}


@pytest.mark.parametrize("name", ANSWERS)
def test_why_a_file_is_skipped(name: str) -> None:
    with pytest.raises(Skipped) as skipped:
        dicom_pixels((ROOT / name).read_bytes())
    assert skipped.value.code == ANSWERS[name]


def test_every_other_file_at_the_top_is_read() -> None:
    others = [p for p in ROOT.glob("*.dcm") if p.name not in ANSWERS and p.name not in NO_IMAGE_OR_ODD]
    assert len(others) >= 40
    for path in others:
        assert dicom_pixels(path.read_bytes()).ndim == 2, path.name
