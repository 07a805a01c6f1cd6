"""What can be known about a source without reading it: whether it has changed, and the budget to read it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from suture.data import limits
from suture.data.files import uploads
from suture.data.intake.options import Options
from suture.data.readers.file_lookup import image_names
from suture.data.sandbox import Budget
from suture.data.tables import reading

MEMORY_PER_TABLE_BYTE = 8  # bytes of memory per byte of a table; 4 to 5 were measured
# Assumed ratio of what reading a table needs to what a CSV of its size needs; archives are read in place.
EXPANSIONS = (
    (reading.TAR, 0),
    (reading.PARQUET, 5),
    (reading.WORKBOOK, 40),  # 20 for a workbook of reports
    (reading.PACKED, 20),
    (reading.JSON, 2),  # 13 bytes of memory for one byte were measured
)
# Bytes of a table, or 1,000 file names, that are processed in a second at least; 10 times was measured.
BYTES_PER_SECOND = 1_000_000


def source_key(source: Path, options: Options, *, exclude: Path) -> str:
    """A hash of the source's file names, sizes and times and of the options: equal while nothing has changed.

    "" if the source cannot be listed. Files in `exclude` (the workspace) are ignored, and so are files beside
    a table that cannot be its images. The hashes of the files are added, so no list of names is kept.
    """
    total = 0
    try:
        source, exclude = source.resolve(), exclude.resolve()
        for path in islice(_files(source, exclude), limits.current().members + 1):  # more are refused
            stat = path.lstat()
            entry = os.fsencode(path) + f"\n{stat.st_size}:{stat.st_mtime_ns}".encode()
            total += int.from_bytes(hashlib.sha256(entry).digest(), "big")
        for path in map(Path, options.split_files):
            total += path.stat().st_mtime_ns
    except (OSError, ValueError):
        return ""
    how = json.dumps([str(source), total, options.to_json(), os.environ.get(limits.SETTING)])
    return hashlib.sha256(how.encode("utf-8", "surrogatepass")).hexdigest()


def _files(source: Path, exclude: Path) -> Iterator[Path]:
    """The files of a source; for a table also the possible images beside it."""
    if not source.is_dir():
        source.lstat()  # raises if it does not exist
        yield source
        if not source.name.lower().endswith(reading.SUFFIXES):
            return
    whole = source if source.is_dir() else source.parent
    for folder, inner, names in os.walk(whole):
        here = Path(folder)
        inner[:] = [name for name in inner if here / name != exclude]
        yield from (here / name for name in (names if whole == source else image_names(names)))


def reading_budget(source: Path) -> Budget:
    """The budget of the child that reads a source: more for large tables and for many files.

    At most half of the machine's memory. Nothing is added for the content of a ZIP.
    """
    default = Budget()
    names, cells = 0, 0
    try:
        for label, path in islice(_labelled(source), limits.current().members + 1):
            names += 1
            if label.lower().endswith(reading.SUFFIXES):
                cells += path.lstat().st_size * _expansion(label.lower())
    except (OSError, ValueError):  # the reader will report what is wrong
        return default
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    memory = max(default.memory, min(half, MEMORY_PER_TABLE_BYTE * cells + default.memory // 3))
    return Budget(memory, default.cpu, default.wall, start=(cells + 1000 * names) // BYTES_PER_SECOND)


def _expansion(label: str) -> int:
    return next((ratio for suffixes, ratio in EXPANSIONS if label.endswith(suffixes)), 1)


def _labelled(source: Path) -> Iterator[tuple[str, Path]]:
    """(the user's name, path) of each file."""
    source = source.resolve()
    if uploads.is_spooled(source):
        yield from uploads.spooled_files(source)
    elif source.is_dir() or source.name.lower().endswith(reading.SUFFIXES):
        for folder, _, names in os.walk(source if source.is_dir() else source.parent):
            yield from ((name, Path(folder, name)) for name in names)
