"""Whether a JPEG has all of its pixels: decoders make grey ones of what does not come, and are silent."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageChops

GREY = (127, 128)  # what blocks without any data become; the first where the file inverts
BLOCK = 8  # pixels
FRAME_END, SCAN = b"\xff\xd9", 0xDA
DATA = bytes(range(1, 255))  # of some blocks
MORE = DATA + b"".join(bytes([0xFF, 0xD0 + k % 8]) + DATA for k in range(16))  # also after a restart


def ends_early(picture: Image.Image, content: bytes) -> bool:
    """Whether the scan is over before the last block. `picture` is what `content` was decoded to.

    A picture may end in grey of its own. So more data are put before the end: where all blocks are there, a
    decoder never looks at them; where some are missing, it makes blocks of them.
    """
    end = content.find(FRAME_END, _scan(content))
    if end < 0 or not (picture.info.get("progressive") or ends_grey(_corner(picture))):
        return False
    longer = Image.open(io.BytesIO(content[:end] + MORE + content[end:]), formats=["JPEG"])
    return ImageChops.difference(picture, longer).getbbox() is not None


def is_cut(content: bytes) -> bool:
    """The same for a stream that another library has decoded."""
    picture = Image.open(io.BytesIO(content), formats=["JPEG"])
    return ends_early(picture, content)


def ends_grey(pixels: np.ndarray) -> bool:
    """Whether it may lack blocks; a progressive one, which comes in layers, may lack them and not be grey."""
    corner = pixels[-BLOCK:, -BLOCK:]
    return bool(corner.min() >= GREY[0] and corner.max() <= GREY[1])


def _corner(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.crop((picture.width - BLOCK, picture.height - BLOCK, *picture.size)))


def _scan(content: bytes) -> int:
    """Where the first scan begins: segments before it may hold a small JPEG of their own."""
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != bytes([SCAN]):
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return at
