"""Hugging Face datasets on disk: a `save_to_disk` folder, or a hub snapshot of Parquet shards.

Also any other Parquet file with a column of images: their bytes, or bytes and path.

Read with pyarrow alone. Images stay in their Arrow or Parquet files until they are read, under names like
"train/17.png"; the other columns get roles like those of any table.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import pandas as pd
import pyarrow as pa

from suture.data import limits
from suture.data.errors import Refused
from suture.data.files.sources import Files
from suture.data.readers.file_lookup import file_name, split_of
from suture.data.readers.finish import build_raw_studies, refuse_absent
from suture.data.readers.layouts.huggingface.cells import cell_texts
from suture.data.readers.layouts.huggingface.shard_files import ShardFiles
from suture.data.readers.layouts.huggingface.shards import Shard, image_columns, open_shard
from suture.data.readers.raw_studies import RawStudies, Roles
from suture.data.readers.roles import guess_roles
from suture.data.tables.reading import PARQUET

LAYOUT = "hf_datasets"
EXPECTS = "a Hugging Face dataset: a save_to_disk folder, or data/train-00000-of-00001.parquet"
OWN_TABLES = r"(?i).*\.(parquet|pq)"

SHARD = re.compile(r"(?:^|/)([A-Za-z][\w.]*?)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?\.parquet$")
MAX_TABLES = 50  # Parquet files that are opened to see whether they hold images
CONVERTED = re.compile(r"(?:^|/)(train|validation|valid|dev|test)/\d{4}\.parquet$")


@dataclass(frozen=True)
class _Source:
    """One file of a dataset, its split, and the folder of the dataset."""

    name: str
    split: str
    root: str = ""


def matches(files: Files, table: str = "") -> bool:
    """Whether there is a state.json beside .arrow files, or Parquet that is named like a shard or has images.

    table  the only file that counts
    """
    return bool(_sources(files, table))


def _sources(files: Files, table: str = "") -> list[_Source]:
    """The files of a dataset; one that a user points at only if it holds images."""
    if table:
        return _with_images(files, [table] if table in {*files.names()} else [])
    names = list(files.names())
    return _saved(names) or _snapshot(names) or _with_images(files, names)


def _with_images(files: Files, names: list[str]) -> list[_Source]:
    """Parquet files with a column of images, whatever they are called."""
    found = []
    for name in sorted(n for n in names if n.lower().endswith(PARQUET))[:MAX_TABLES]:
        with suppress(Exception):  # damaged files raise many kinds; the table layout says what is wrong
            if image_columns(open_shard(files, name)):
                found.append(_Source(name, split_of(name)))
    return found


def _saved(names: list[str]) -> list[_Source]:
    """Files of save_to_disk. The folder of state.json is a split if its parent has a dataset_dict.json."""
    known = set(names)
    folders = {PurePosixPath(n).parent for n in names if file_name(n) == "state.json"}
    found = []
    for name in sorted(n for n in names if n.endswith(".arrow")):
        folder = PurePosixPath(name).parent
        if folder in folders:
            several = (folder.parent / "dataset_dict.json").as_posix() in known
            root = (folder.parent if several else folder).as_posix()
            found.append(_Source(name, folder.name if several else "", root))
    return found


def _snapshot(names: list[str]) -> list[_Source]:
    matched = [(n, SHARD.search(n) or CONVERTED.search(n)) for n in sorted(names)]
    return [_Source(n, m.group(1)) for n, m in matched if m]


def read(
    files: Files, *, table: str = "", roles: Roles | None = None, given: Roles | None = None
) -> RawStudies:
    """One study per row; several splits become the column "split"."""
    sources = [s for s in _sources(files, table) if _is_listed(files, s.name)]
    if not sources:
        raise Refused("no_usable_files", f"Expected {EXPECTS}; found none of these.")
    if len(roots := sorted({s.root for s in sources})) > 1:
        shown = ", ".join(roots[:10])
        raise Refused("no_usable_files", f"Expected one dataset, found {len(roots)}: {shown}. Import one.")
    shards = [open_shard(files, s.name) for s in sources]
    for shard in shards:
        shard.image_columns = image_columns(shard) or shard.image_columns
    _check_alike(shards, sources)
    held = ShardFiles(files, several_columns=len(shards[0].image_columns) > 1)
    try:
        rows = _rows(sources, shards, held)
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError) as error:
        message = "The dataset has cells that cannot be read. Save it again."
        raise Refused("table_corrupt", message) from error
    refuse_absent(given or Roles(), rows)
    result = build_raw_studies(LAYOUT, rows, guess_roles(rows, held, given), roles, held)
    if len(result.roles.images) + len(result.roles.texts) + bool(result.roles.tabular) < 2:
        return replace(result, missing="Expected a column of images and one of text, or two of either.")
    return result


def _is_listed(files: Files, name: str) -> bool:
    """Whether state.json lists this file as data; the folder may also contain cached maps and filters."""
    path = PurePosixPath(name)
    if path.suffix != ".arrow":
        return True
    try:
        state = json.loads(files.read((path.parent / "state.json").as_posix()))
        listed = [entry["filename"] for entry in state["_data_files"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return path.name.startswith("data-")
    return path.name in listed


def _check_alike(shards: list[Shard], sources: list[_Source]) -> None:
    first = shards[0]
    for shard, source in zip(shards, sources, strict=True):
        if shard.image_columns != first.image_columns or shard.other_columns != first.other_columns:
            message = f"{source.name!r} and {sources[0].name!r} have different columns. Import one of them."
            raise Refused("table_columns_ambiguous", message)
    if sum(len(shard) for shard in shards) > (most := limits.current().table_rows):
        raise Refused("table_too_large", f"The dataset has more than {most:,} rows, the limit.")


def _rows(sources: list[_Source], shards: list[Shard], held: ShardFiles) -> pd.DataFrame:
    """The rows of all shards in order; images are numbered consecutively in each split."""
    several = len({s.split for s in sources}) > 1
    counts: Counter[str] = Counter()
    parts = []
    for source, shard in zip(sources, shards, strict=True):
        part = _part(shard, held.add(shard, source.split or "data", counts[source.split]))
        parts.append(part.assign(split=source.split) if several and "split" not in part else part)
        counts[source.split] += len(part)
    return pd.concat(parts, ignore_index=True)


def _part(shard: Shard, pictures: dict[str, list[str]]) -> pd.DataFrame:
    """The rows of one shard in the order of its columns, images by name."""
    others: pa.Table = shard.others()
    columns = {c: cell_texts(others.column(c), shard.features.get(c)) for c in shard.other_columns}
    return pd.DataFrame(columns | pictures, dtype=str)
