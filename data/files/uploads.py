"""Uploads are spooled to disk at once, so that a closed tab loses nothing and a worker can read them.

Each upload is a folder of files with generated names. The user's names are labels in its index, which is
written last: a folder without an index is an interrupted upload.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from suture.data.workspace import Workspace, disk_space, write_atomically
from suture.data.workspace.durable import PRIVATE_FILE, flush_folder, private_folder

FOLDER, INDEX = "uploads", "index.json"
CHUNK = 1 << 20


def spool(workspace: Workspace, uploads: Iterable[tuple[str, bytes | BinaryIO]]) -> Path:
    """Copy (label, content) pairs to a new folder in the workspace; the folder is deleted if that fails.

    `Refused` if the disk is full.
    """
    workspace.require_space(0)
    folder = private_folder(workspace.home / FOLDER) / uuid.uuid4().hex
    folder.mkdir(mode=0o700)
    try:
        with disk_space.disk_errors_as_refused(workspace.home):
            labels = {}
            for number, (label, content) in enumerate(uploads):
                name = f"{number:06d}"
                _copy(io.BytesIO(content) if isinstance(content, bytes) else content, folder / name)
                labels[name] = label
            write_atomically(folder / INDEX, json.dumps(labels).encode())
            flush_folder(folder.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def is_spooled(folder: Path) -> bool:
    """Whether a folder is a complete upload."""
    return folder.parent.name == FOLDER and (folder / INDEX).is_file()


def spooled_files(folder: Path) -> list[tuple[str, Path]]:
    """(label, path) of the files of an upload, in order; two labels may be equal."""
    labels = json.loads((folder / INDEX).read_text())
    return [(label, folder / name) for name, label in labels.items()]


def discard(folder: Path) -> None:
    """Delete an upload. ValueError for a folder that is not an upload."""
    if folder.parent.name != FOLDER:
        raise ValueError("not an upload")
    shutil.rmtree(folder, ignore_errors=True)


def _copy(source: BinaryIO, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as sink:
        shutil.copyfileobj(source, sink, CHUNK)
        sink.flush()
        os.fsync(sink.fileno())
