"""Pictures that strangers made: told by content, shown right, kept without what came with them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from suture.data import images, limits
from suture.data.errors import Skipped
from tests.conftest import beside

RAMP = np.tile(np.linspace(20, 200, 64).round().astype(np.uint8), (64, 1))


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(content: bytes, name: str = "x.png") -> np.ndarray:
    return np.asarray(images.decode(content, name))


def code_of(content: bytes, name: str = "x.png") -> str:
    with pytest.raises(Skipped) as caught:
        images.decode(content, name)
    return caught.value.code


def declaring(width: int, height: int) -> bytes:
    """A PNG of so many pixels in a hundred bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.mark.parametrize("depth", images.DEPTHS)
def test_deep_pictures_are_scaled_by_their_depth_and_never_clipped(depth: int) -> None:
    values = np.round(RAMP.astype(np.float64) / 255 * (2**depth - 1)).astype(np.uint16)
    values[0, 0] = 2**depth - 1
    assert np.abs(decoded(encoded(Image.fromarray(values))).astype(int) - RAMP)[1:].max() <= 1


@pytest.mark.parametrize(
    ("picture", "shown"),
    [
        (Image.fromarray(RAMP).convert("P"), RAMP),
        (Image.fromarray(np.dstack([RAMP, np.full_like(RAMP, 255)]), "LA"), RAMP),
        (Image.fromarray(np.dstack([RAMP, np.zeros_like(RAMP)]), "LA"), np.zeros_like(RAMP)),
        (Image.fromarray(RAMP > 100), np.where(RAMP > 100, 255, 0)),
        (Image.fromarray(np.dstack([RAMP] * 3)), RAMP),
    ],
    ids=["palette", "opaque", "transparent", "one bit", "grey as colour"],
)
def test_every_mode_has_a_stated_rule(picture: Image.Image, shown: np.ndarray) -> None:
    assert np.array_equal(decoded(encoded(picture)), shown)


def test_of_several_pages_or_frames_the_first_is_shown() -> None:
    first, second = Image.fromarray(RAMP), Image.fromarray(255 - RAMP)
    for kind in ("TIFF", "GIF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        content = encoded(first, kind, save_all=True, append_images=[second], **options)
        assert np.abs(decoded(content).astype(int) - RAMP).max() <= 1, kind


def test_cmyk_is_shown_in_its_colours() -> None:
    red = Image.new("RGB", (16, 16), (220, 10, 10)).convert("CMYK")
    assert np.abs(decoded(encoded(red, "TIFF"))[0, 0].astype(int) - (220, 10, 10)).max() <= 2


def test_floats_are_stretched_and_must_be_numbers() -> None:
    values = RAMP.astype(np.float32) / 7 - 3
    assert decoded(encoded(Image.fromarray(values), "TIFF")).min() == 0
    values[3, 4] = np.nan
    assert code_of(encoded(Image.fromarray(values), "TIFF")) == "image_not_finite"


def test_nothing_that_came_with_a_picture_is_kept() -> None:
    exif, text = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x0112], exif[0x010E] = 6, "DOE^JANE"
    text.add_text("Patient", "DOE^JANE")
    colour = Image.fromarray(np.dstack([RAMP, RAMP.T, RAMP]))
    came = [
        encoded(Image.fromarray(RAMP), "JPEG", exif=exif, comment=b"DOE^JANE"),
        encoded(Image.fromarray(RAMP), "PNG", pnginfo=text) + b"PK\x03\x04 DOE^JANE",
        encoded(colour, "JPEG", exif=exif, comment=b"DOE^JANE"),
        encoded(Image.fromarray(RAMP), "GIF", comment=b"DOE^JANE"),
    ]
    kept = [images.encode(images.decode(content, "x")) for content in came]
    assert all(b"DOE" in c for c in came)
    assert not any(b"DOE" in k or b"PK\x03" in k or b"Exif" in k for k in kept)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"<html><script>", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
        (b"BMtext that begins like a bitmap", "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9", "file_type_not_allowed"),
        (b"8BPS\x00\x01" + bytes(30), "file_type_not_allowed"),
        (b"SIMPLE  =                    T", "file_type_not_allowed"),
        (b"%PDF-1.7", "file_type_not_allowed"),
        (b"\x80\x04\x95cposix\nsystem", "file_type_not_allowed"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00", "image_corrupt"),
        (b"II*\x00\x08\x00\x00\x00" + bytes(8), "image_corrupt"),
        (declaring(60_000, 60_000), "image_too_large"),
        (declaring(7_000, 7_000), "image_too_large"),
        (declaring(30_000, 9), "image_too_large"),
        (declaring(20_000, 1), "image_too_small"),
        (declaring(0, 10), "image_corrupt"),
    ],
)
def test_what_is_no_picture_to_be_read_is_left_by_name(content: bytes, code: str) -> None:
    assert code_of(content) == code


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_picture_that_is_cut_off_is_never_shown_in_part(kind: str) -> None:
    content = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)), kind)
    assert decoded(content, "named.txt").shape[:2] == (64, 64)
    for share in (0.2, 0.5, 0.9):
        cut = content[: int(len(content) * share)]
        assert code_of(cut) in ("image_truncated", "image_corrupt")


def test_a_wrong_checksum_is_damage() -> None:
    content = bytearray(encoded(Image.fromarray(RAMP)))
    content[content.index(b"IDAT") + 30] ^= 1
    assert code_of(bytes(content)) in ("image_corrupt", "image_truncated")


def test_messages_show_names_so_that_they_cannot_turn_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(limits.SETTING, '{"image_pixels": 100}')
    with pytest.raises(Skipped, match=r"'scan\\u202egnp\.exe' is 64 x 64 pixels; the limit is 100"):
        images.decode(encoded(Image.fromarray(RAMP)), "scan\u202egnp.exe")


def test_the_examples_are_shown_as_their_notes_say() -> None:
    folder = beside("hostile", "image")
    shown = {p.name: p.read_bytes() for p in folder.iterdir()}
    ok = decoded(shown["ok.png"]).astype(float)
    assert abs(decoded(shown["gray16.png"]).mean() - ok.mean()) < 1
    for name in ("jpeg_named.png", "png_no_extension", "uppercase.PNG", "plain.bmp", "plain.webp", "ok.jpg"):
        grey = decoded(shown[name]).reshape(64, 64, -1).mean(axis=2)
        assert np.corrcoef(grey.ravel(), ok.ravel())[0, 1] > 0.98, name
    turned = np.rot90(decoded(shown["ok.jpg"]), -1)
    assert np.corrcoef(decoded(shown["exif_rotated.jpg"]).ravel(), turned.ravel())[0, 1] > 0.98
    assert images.is_constant(decoded(shown["constant_black.png"]))
    for name in ("exif_phi_gps.jpg", "text_phi.png", "polyglot_jpeg_zip.jpg", "polyglot_gif_js.gif"):
        kept = images.encode(images.decode(shown[name], name))
        assert not any(mark in kept for mark in (b"DOE", b"PK\x03\x04", b"alert", b"script", b"Exif")), name
