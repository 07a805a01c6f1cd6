"""Image packs: the images of a collection (PNG or JPEG) concatenated in one file, with their offsets."""

from __future__ import annotations

import io
import os
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


class PackWriter:
    """Appends encoded images to a pack in a staging folder.

    kept  offsets of an earlier writer in this folder: its bytes up to the last offset stay, the rest is cut
    """

    def __init__(self, folder: Path, kept: Iterable[int] = (0,)) -> None:
        self.folder = folder
        self.offsets = array("q", kept)
        self._stream = (folder / "images.bin").open("r+b" if self.offsets[-1] else "wb")
        self._stream.truncate(self._stream.seek(self.offsets[-1]))

    def add(self, encoded: bytes) -> int:
        """Append one image and return its number."""
        self._stream.write(encoded)
        self.offsets.append(self.offsets[-1] + len(encoded))
        return len(self.offsets) - 2

    def flush(self) -> None:
        """Flush the appended images to disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Finish the pack and write its offsets."""
        self._stream.close()
        np.save(self.folder / "images.npy", np.asarray(self.offsets, dtype=np.int64))


class ImagePack:
    """The images of a collection, by number."""

    def __init__(self, blob: Path, offsets: Path) -> None:
        self.offsets = np.load(offsets, allow_pickle=False)
        empty = self.offsets[-1] == 0
        self._blob = np.zeros(0, np.uint8) if empty else np.memmap(blob, np.uint8, "r")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, number: int) -> bytes:
        """The encoded image. IndexError for a number outside the pack."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._blob[self.offsets[number] : self.offsets[number + 1]].tobytes()

    def decode(self, number: int) -> Image.Image:
        """The image, mode L or RGB."""
        return Image.open(io.BytesIO(self.read(number)), formats=("PNG", "JPEG"))

    def decode_many(self, numbers: Iterable[int]) -> list[Image.Image]:
        """Several images, in order."""
        return [self.decode(n) for n in numbers]
