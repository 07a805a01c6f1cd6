"""The corpus of hostile, broken and odd DICOM files: each gets its answer, and what it means holds."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pydicom
import pytest

from suture.data.collections import storage
from suture.data.dicom.pixels import dicom_pixels, syntaxes
from suture.data.dicom.tags import read_allowed_tags
from suture.data.errors import Skipped
from suture.data.workspace import Workspace
from suture.workflows.neighbours import uploads
from tests.conftest import beside
from tests.test_hostile import SAME

PLANTED = b"JANE 8675309 778899 WELBY ELSEWHERE 19610203 555-010 Springfield".split()


def rows() -> list[dict[str, str]]:
    with beside("hostile", "expected.csv").open() as stream:
        return [r for r in csv.DictReader(stream) if r["file"].startswith("dicom/")]


def shown(name: str) -> np.ndarray:
    return dicom_pixels(beside("hostile", "dicom", f"{name}.dcm").read_bytes()).astype(float)


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def answer(content: bytes) -> str:
    """ "" if it is taken, else why not: what the reader of tags says, then that of pixels."""
    try:
        read_allowed_tags(content)
        assert dicom_pixels(content).dtype == np.uint8
    except Skipped as error:
        return error.code
    return ""


def test_every_file_gets_its_answer() -> None:
    for row in rows():
        alone = row["reason"] == "duplicate_id"  # one of a pair: see below
        reason = row["reason"] if row["answer"] == "skip" and not alone else ""
        told = answer(beside("hostile", row["file"]).read_bytes())
        assert told in SAME.get(row["file"], {reason}), row["file"]


def test_two_files_of_one_identifier(workspace: Workspace) -> None:
    paths = [beside("hostile", "dicom", f"same_uid_{x}.dcm") for x in "ab"]
    report = uploads.add_upload(workspace, [(p.name, p.read_bytes()) for p in paths]).report
    assert (report.taken, report.skipped) == (1, {"duplicate_id": 1})


def test_one_picture_in_many_spellings() -> None:
    for name in ("implicit_vr", "no_preamble", "preamble_pe", "length_4gb", "overlay_6000"):
        assert np.array_equal(shown(name), shown("ok_8bit")), name
    for name in ("big_endian", "monochrome1", "bits12_in16_junk_high_bits"):
        assert alike(shown(name), shown("ok_8bit")) > 0.99, name
    assert alike(shown("jpeg_baseline"), shown("ok_8bit")) > 0.98  # a lossy copy


def test_signed_values_are_rescaled_and_windowed() -> None:
    tags = pydicom.dcmread(beside("hostile", "dicom", "ct_16bit_signed_rescale.dcm"))
    hounsfield = tags.pixel_array * float(tags.RescaleSlope) + float(tags.RescaleIntercept)
    assert hounsfield.min() < 0
    low, high = (float(tags.WindowCenter) + side * float(tags.WindowWidth) / 2 for side in (-1, 1))
    expected = np.clip((hounsfield - low) / (high - low), 0, 1) * 255
    assert np.abs(shown("ct_16bit_signed_rescale") - expected).max() < 2


def test_a_syntax_that_cannot_be_decoded_is_named() -> None:
    for name in ("jpeg_lossless_needs_plugin", "jpegls_needs_plugin", "mpeg4"):
        with pytest.raises(Skipped, match=r"JPEG|MPEG"):
            shown(name)
    assert not any("MPEG" in name for name in syntaxes())


def test_planted_words_are_nowhere(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    names = ("phi_tags", "private_tags", "overlay_6000", "markup_in_tags", "burned_in_yes", "ok_8bit")
    contents = [(f"{n}.dcm", beside("hostile", "dicom", f"{n}.dcm").read_bytes()) for n in names]
    for content in contents:
        report = uploads.add_upload(workspace, [content]).report
        assert not any(word.decode() in f"{report}{caplog.text}" for word in PLANTED)
    kept = b"".join(p.read_bytes() for p in workspace.home.rglob("*") if p.is_file())
    assert not any(word in kept for word in PLANTED)


def test_planted_words_do_not_become_descriptions(tmp_path: Path, workspace: Workspace) -> None:
    from suture.data.intake import intake

    for name in ("phi_tags", "burned_in_yes", "overlay_6000"):
        content = beside("hostile", "dicom", f"{name}.dcm").read_bytes()
        (tmp_path / f"{name}.dcm").write_bytes(content)
    report = intake(workspace, tmp_path, "planted")
    assert report.skipped == {"dicom_burned_in": 1, "duplicate_id": 1}
    assert not any(word.decode() in storage.load(workspace, "planted").table.to_csv() for word in PLANTED)
