"""The pictures of a dataset's shards as named files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import pyarrow as pa

from suture.data.errors import Skipped
from suture.data.raw_studies import Files
from suture.data.readers.file_lookup import Lookup, is_picture, pictures
from suture.data.readers.huggingface.shards import Shard


class ShardFiles:
    """The pictures of several shards by name; a picture stored as a path is one of the files beside."""

    def __init__(self, beside: Files, *, several_columns: bool) -> None:
        self._beside = beside
        self._several = several_columns
        self._places: dict[str, tuple[Shard, str, int, str]] = {}
        self._lookup: Lookup | None = None
        self.noted = beside.noted

    def add(self, shard: Shard, split: str, start: int) -> dict[str, list[str]]:
        """Name every picture of a shard whose first row is `start`: column -> names, "" = missing."""
        return {column: self._names(shard, split, start, column) for column in shard.image_columns}

    def _names(self, shard: Shard, split: str, start: int, column: str) -> list[str]:
        folder = f"{split}/{column}" if self._several else split
        names = []
        for row, path in enumerate(shard.paths(column)):
            suffix = PurePosixPath(path or "").suffix if is_picture(path or "") else ".png"
            name = "" if path is None else f"{folder}/{start + row}{suffix}"
            names.append(name)
            if path is not None:
                self._places[name] = (shard, column, row, path)
        return names

    def names(self) -> Iterable[str]:
        """All pictures."""
        return self._places.keys()

    def read(self, name: str) -> bytes:
        """The encoded picture; KeyError if there is none, `Skipped` if its file is damaged."""
        shard, column, row, path = self._places[name]
        try:
            content = shard.picture(column, row)
        except (pa.ArrowException, OSError, MemoryError) as error:
            raise Skipped("member_corrupt", f"{name!r} cannot be read from its file.") from error
        return self._read_beside(path) if content is None else content

    def _read_beside(self, path: str) -> bytes:
        if self._lookup is None:
            self._lookup = Lookup(pictures(self._beside.names()))
        return self._beside.read(self._lookup.find(path) or path)
