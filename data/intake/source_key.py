"""A source seen from outside, unread: whether it has changed, and what reading it may take."""

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
from suture.data.readers.file_lookup import pictures
from suture.data.sandbox import Budget
from suture.data.tables import reading

WIDER = 8  # bytes of memory for one of a table; 4 to 5 were measured
PACKED = 5  # how much longer the cells of a Parquet file may be than the file
# Bytes of a table, or 1,000 names of files, that are understood in a second at least; 10 times was measured.
SLOW = 1_000_000


def source_key(source: Path, options: Options, *, apart: Path) -> str:
    """The same for a source that has not changed and is read in the same way: by names, sizes and times.

    "" for one that cannot be looked at. Files in `apart` (the workspace) are not of the source, and of those
    beside a table only what may be its pictures counts. The hashes of files are added up, so that none of
    their names is remembered.
    """
    told = 0
    try:
        source, apart = source.resolve(), apart.resolve()
        for path in islice(_files(source, apart), limits.current().members + 1):  # of more it is refused
            stat = path.lstat()
            entry = os.fsencode(path) + f"\n{stat.st_size}:{stat.st_mtime_ns}".encode()
            told += int.from_bytes(hashlib.sha256(entry).digest(), "big")
    except (OSError, ValueError):
        return ""
    how = json.dumps([str(source), told, options.to_json(), os.environ.get(limits.SETTING)])
    return hashlib.sha256(how.encode("utf-8", "surrogatepass")).hexdigest()


def _files(source: Path, apart: Path) -> Iterator[Path]:
    """The files that are read with a source: a table's pictures lie beside it."""
    if not source.is_dir():
        source.lstat()  # an error where nothing is
        yield source
        if not source.name.lower().endswith(reading.SUFFIXES):
            return
    whole = source if source.is_dir() else source.parent
    for folder, inner, names in os.walk(whole):
        here = Path(folder)
        inner[:] = [name for name in inner if here / name != apart]
        yield from (here / name for name in (names if whole == source else pictures(names)))


def allowance(source: Path) -> Budget:
    """What the child that reads a source may use: more for large tables and for many files.

    Half of the machine's memory is the most. Nothing is added for what a ZIP may hold.
    """
    usual = Budget()
    names, cells = 0, 0
    try:
        for label, path in islice(_labelled(source), limits.current().members + 1):
            names += 1
            if label.lower().endswith(reading.SUFFIXES):
                cells += path.lstat().st_size * (PACKED if label.lower().endswith(reading.PARQUET) else 1)
    except (OSError, ValueError):  # the reader tells what is wrong with it
        return usual
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    memory = max(usual.memory, min(half, WIDER * cells + usual.memory // 3))
    return Budget(memory, usual.cpu, usual.wall, start=(cells + 1000 * names) // SLOW)


def _labelled(source: Path) -> Iterator[tuple[str, Path]]:
    """What each file was called, and where it is."""
    source = source.resolve()
    if uploads.is_spooled(source):
        yield from uploads.spooled(source)
    elif source.is_dir() or source.name.lower().endswith(reading.SUFFIXES):
        for folder, _, names in os.walk(source if source.is_dir() else source.parent):
            yield from ((name, Path(folder, name)) for name in names)
