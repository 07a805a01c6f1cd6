"""The images of a dataset's shards as named files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import pyarrow as pa

from suture.data.errors import Skipped
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import Lookup, image_names, is_image_name
from suture.data.readers.layouts.huggingface.shards import Shard


class ShardFiles:
    """The images of several shards by name. An image stored as a path is read from the files beside."""

    def __init__(self, beside: Files, *, several_columns: bool) -> None:
        self._beside = beside
        self._several = several_columns
        self._places: dict[str, tuple[Shard, str, int, str]] = {}
        self._lookup: Lookup | None = None
        self.issues = beside.issues

    def add(self, shard: Shard, split: str, start: int) -> dict[str, list[str]]:
        """Name every image of a shard whose first row is `start`: column -> names, "" = missing."""
        return {column: self._names(shard, split, start, column) for column in shard.image_columns}

    def _names(self, shard: Shard, split: str, start: int, column: str) -> list[str]:
        folder = f"{split}/{column}" if self._several else split
        names = []
        for row, path in enumerate(shard.paths(column)):
            suffix = PurePosixPath(path or "").suffix if is_image_name(path or "") else ".png"
            name = "" if path is None else f"{folder}/{start + row}{suffix}"
            names.append(name)
            if path is not None:
                self._places[name] = (shard, column, row, path)
        return names

    def names(self) -> Iterable[str]:
        """The names of all images."""
        return self._places.keys()

    def read(self, name: str) -> bytes:
        """The encoded image; KeyError if there is none, `Skipped` if its file is damaged."""
        shard, column, row, path = self._places[name]
        try:
            content = shard.picture(column, row)
        except (pa.ArrowException, OSError, MemoryError) as error:
            raise Skipped(
                "member_corrupt", f"{name!r} cannot be read from its file. Copy it again."
            ) from error
        return self._read_beside(path) if content is None else content

    def _read_beside(self, path: str) -> bytes:
        if self._lookup is None:
            self._lookup = Lookup(image_names(self._beside.names()))
        return self._beside.read(self._lookup.find(path) or path)
