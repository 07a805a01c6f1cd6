"""Small sources in the layouts that readers know, written into a test's own folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def picture(value: int = 100, kind: str = "PNG") -> bytes:
    """A flat grey picture of 16 x 16."""
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 16), value, np.uint8)).save(stream, kind)
    return stream.getvalue()


def write(root: Path, contents: Mapping[str, str | bytes]) -> Path:
    """Files by name; those given as text are written as UTF-8."""
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def pictures(*names: str) -> dict[str, str | bytes]:
    """Pictures to `write`, each a little brighter than the one before."""
    return {n: picture(10 * i + 10, "JPEG" if n.endswith("jpg") else "PNG") for i, n in enumerate(names)}
