"""Damaged, lying and very large pictures: left by name, at no cost to others; what is whole is taken."""

from __future__ import annotations

import io
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from suture.data import images
from suture.data.dicom.view import MIDDLE
from suture.data.errors import Refused, Skipped
from suture.data.files.sources import FolderFiles
from suture.data.images.memory_budget import MemoryBudget
from suture.data.intake import Options, intake, reading
from suture.data.workspace import Workspace
from tests.data.dicom_files import dicom
from tests.data.test_images import RAMP, code_of, encoded

NOISE = np.random.default_rng(0).integers(0, 255, (203, 301, 3), np.uint8)
Case = Callable[[], bytes]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_jpeg_that_was_cut_and_closed_is_not_taken_for_whole(mode: str, options: dict[str, object]) -> None:
    content = encoded(Image.fromarray(NOISE).convert(mode), "JPEG", **options)
    for share in (0.2, 0.5, 0.9):
        cut = content[: int(len(content) * share)] + b"\xff\xd9"
        assert code_of(cut) in ("image_truncated", "image_corrupt"), share


def test_a_jpeg_that_declares_more_than_it_holds() -> None:
    content = encoded(Image.fromarray(RAMP), "JPEG")
    at = content.index(b"\xff\xc0") + 5
    assert code_of(content[:at] + struct.pack(">HH", 900, 900) + content[at + 4 :]) == "image_truncated"


@pytest.mark.parametrize("shade", [0, 127, 128, 255])
@pytest.mark.parametrize("size", [(9, 8), (61, 77), (64, 64)])
def test_a_whole_jpeg_may_end_in_one_shade(shade: int, size: tuple[int, int]) -> None:
    pixels = NOISE[: size[0], : size[1]].copy()
    pixels[size[0] // 3 :] = shade
    colour = Image.fromarray(pixels)
    for picture in (colour, colour.convert("L"), colour.convert("CMYK")):
        for progressive in (False, True):
            for subsampling in (0, 2):
                content = encoded(picture, "JPEG", progressive=progressive, subsampling=subsampling)
                assert images.decode(content, "x").size == picture.size


def _tiled(side: int) -> bytes:
    """A TIFF of 64 x 64 pixels in tiles that are larger."""
    tags = {256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 277: 1, 322: side, 323: side, 324: 300, 325: 4096}
    listed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + listed + bytes(4)
    return head.ljust(300, b"\0") + bytes(4096)


def _with_short_trns() -> bytes:
    content, chunk = encoded(Image.fromarray(np.dstack([RAMP, RAMP.T, RAMP]))), b"tRNS\0"
    return content[:33] + struct.pack(">I", 1) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: _tiled(40_000), "image_too_large"),
        (_with_short_trns, "image_corrupt"),
        (lambda: encoded(Image.fromarray(NOISE), "WEBP")[:-99], "image_truncated"),
        (lambda: encoded(Image.fromarray(NOISE), "TIFF", compression="tiff_lzw")[:-999], "image_truncated"),
    ],
    ids=["tile", "tRNS", "WebP", "TIFF"],
)
def test_damage_is_told_by_its_kind(made: Case, code: str) -> None:
    assert code_of(made()) == code


def test_what_pillow_cannot_read_need_not_be_damaged() -> None:
    content = encoded(Image.fromarray(RAMP.astype(np.float32)), "TIFF")
    deep = content.replace(struct.pack("<HHIHH", 258, 3, 1, 32, 0), struct.pack("<HHIHH", 258, 3, 1, 64, 0))
    with pytest.raises(Skipped, match="in an unsupported way"):
        images.decode(deep, "x")


# At no cost to others


def test_very_long_pictures_keep_one_pixel_of_their_shorter_side(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for length in (8, 9):
        picture = np.tile(np.arange(20_000, dtype=np.uint8), (length, 1))
        (folder / f"{length}.png").write_bytes(encoded(Image.fromarray(picture)))
    (folder / "x.dcm").write_bytes(dicom(np.tile(RAMP[:8], (1, 300))))
    report = intake(workspace, folder, "long", options=Options(unpaired=True, loose=True))
    assert (report.taken, report.skipped) == (3, {})
    assert images.downscale(Image.new("L", (20_000, 8))).size == (1024, 1)
    kept = images.encode(Image.new("L", (8, 20_000)))
    assert Image.open(io.BytesIO(images.thumbnail(kept, 160))).size == (1, 160)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "image_too_large"),
        (IndexError("of what was read"), "image_corrupt"),
        (Skipped("image_truncated", "cut"), "image_truncated"),
    ],
)
def test_whatever_a_picture_does_only_it_is_left(
    error: Exception, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "decode", _raising(error))
    (tmp_path / "a.png").write_bytes(b"any")
    left = reading._picture(FolderFiles(tmp_path), "a.png", MIDDLE)
    assert isinstance(left, Skipped)
    assert left.code == code
    assert "of what was read" not in left.message
    assert left.__traceback__ is None  # its frames would hold whole pictures


def test_what_is_about_the_source_is_about_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "decode", _raising(Refused("zip_too_large", "more than is read")))
    (tmp_path / "a.png").write_bytes(b"any")
    with pytest.raises(Refused):
        reading._picture(FolderFiles(tmp_path), "a.png", MIDDLE)


def _raising(error: Exception) -> Callable[..., None]:
    def decode(*args: object) -> None:
        raise error

    return decode


def test_so_many_pixels_at_once_and_one_alone_may_have_more() -> None:
    budget, inside, most = MemoryBudget(10), [0], [0]
    lock = threading.Lock()

    def decode(pixels: int) -> None:
        with budget.reserve(pixels):
            with lock:
                inside[0] += pixels
                most[0] = max(most[0], inside[0])
            time.sleep(0.005)
            with lock:
                inside[0] -= pixels

    threads = [threading.Thread(target=decode, args=(pixels,)) for pixels in (4, 6, 5, 5, 1, 9) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert inside == [0]
    assert most[0] == 10
    with budget.reserve(99):
        pass
