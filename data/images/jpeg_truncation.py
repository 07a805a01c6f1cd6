"""Whether a JPEG contains all of its pixels: decoders silently fill missing blocks with grey."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageChops

GREY = (127, 128)  # value of blocks without data; the first where the file is inverted
BLOCK = 8  # pixels
FRAME_END, SCAN = b"\xff\xd9", 0xDA
DATA = bytes(range(1, 255))  # scan data of some blocks
EXTRA_SCAN_DATA = DATA + b"".join(
    bytes([0xFF, 0xD0 + k % 8]) + DATA for k in range(16)
)  # also after a restart


def ends_early(picture: Image.Image, content: bytes) -> bool:
    """Whether the scan ends before the last block. `picture` is the image decoded from `content`.

    An image may really end in grey. So extra data is inserted before the end and decoded again: a decoder
    ignores it where all blocks are present, and turns it into blocks where some are missing.
    """
    end = content.find(FRAME_END, _first_scan_offset(content))
    if end < 0 or not (picture.info.get("progressive") or ends_grey(_corner(picture))):
        return False
    longer = Image.open(io.BytesIO(content[:end] + EXTRA_SCAN_DATA + content[end:]), formats=["JPEG"])
    return ImageChops.difference(picture, longer).getbbox() is not None


def is_cut(content: bytes) -> bool:
    """`ends_early` for a JPEG stream that another library has decoded."""
    picture = Image.open(io.BytesIO(content), formats=["JPEG"])
    return ends_early(picture, content)


def ends_grey(pixels: np.ndarray) -> bool:
    """Whether the last block is grey, so that blocks may be missing.

    A progressive JPEG, which is stored in layers, can lack blocks without being grey.
    """
    corner = pixels[-BLOCK:, -BLOCK:]
    return bool(corner.min() >= GREY[0] and corner.max() <= GREY[1])


def _corner(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.crop((picture.width - BLOCK, picture.height - BLOCK, *picture.size)))


def _first_scan_offset(content: bytes) -> int:
    """Offset of the first scan; segments before it may contain a thumbnail, which is a JPEG itself."""
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != bytes([SCAN]):
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return at
