"""Storage of collections in the workspace: studies as Parquet, images as one pack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from suture.data.collection import Collection, from_metadata
from suture.data.images.pack import ImagePack
from suture.data.metadata import ImportReport
from suture.data.workspace import (
    COLLECTION,
    CollectionRecord,
    EmbeddingSetRecord,
    Workspace,
)

STUDIES = "studies.parquet"
BLOCK = 8192  # studies read at once


def publish(
    workspace: Workspace, collection: Collection, staged: Path, *, report: ImportReport
) -> CollectionRecord:
    """Publish a collection, whose image pack (if any) is in `staged`, as a record of the workspace."""
    collection.table.to_parquet(staged / STUDIES, write_page_checksum=True)
    return workspace.publish(COLLECTION, collection.name, staged, collection.metadata(report))


def publish_tables(
    workspace: Workspace,
    head: Collection,
    tables: Iterable[pd.DataFrame],
    staged: Path,
    *,
    report: ImportReport,
) -> CollectionRecord:
    """Publish a collection that arrives in parts, in order, so that it is never whole in memory.

    head    the collection without its studies
    tables  the studies; each table becomes a row group
    """
    n = 0
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for table in tables:
            part = pa.Table.from_pandas(table, preserve_index=False)
            if writer is None:
                path = staged / STUDIES
                writer = stack.enter_context(pq.ParquetWriter(path, part.schema, write_page_checksum=True))
            writer.write_table(part)
            n += len(table)
    return workspace.publish(COLLECTION, head.name, staged, head.metadata(report, n=n))


def load(workspace: Workspace, name: str) -> Collection:
    """The collection of that name; `NotFound` if there is none."""
    return read(workspace.record(COLLECTION, name))


def read(record: CollectionRecord) -> Collection:
    """The collection that a record holds."""
    table = pd.read_parquet(record.path(STUDIES), page_checksum_verification=True)
    return from_metadata(record.name, table, record.meta)


def blocks(record: CollectionRecord) -> Iterator[Collection]:
    """The collection that a record holds, in blocks of `BLOCK` studies, in order."""
    with pq.ParquetFile(record.path(STUDIES), page_checksum_verification=True) as file:
        for batch in file.iter_batches(BLOCK, use_threads=False):
            yield from_metadata(record.name, batch.to_pandas(), record.meta)


def load_without_texts(record: CollectionRecord) -> Collection:
    """The collection with each text replaced by "-"; a missing one stays "".

    What remains is small: ids, groups, splits, labels, image numbers.
    """
    texts = {
        m.columns[0]
        for m in from_metadata(record.name, pd.DataFrame(), record.meta).modalities
        if m.kind == "text"
    }
    parts = [
        b.table.assign(**{t: b.table[t].where(b.table[t] == "", "-") for t in texts}) for b in blocks(record)
    ]
    return from_metadata(record.name, pd.concat(parts, ignore_index=True), record.meta)


def source_collection(workspace: Workspace, embedding_set: EmbeddingSetRecord) -> CollectionRecord | None:
    """The collection that a set was made from, even if renamed since; None if deleted or unknown."""
    by_id = workspace.by_id(embedding_set.meta.collection_id or "")
    name = embedding_set.meta.collection or ""
    return by_id or (workspace.record(COLLECTION, name) if workspace.has(COLLECTION, name) else None)


def image_pack(workspace: Workspace, name: str) -> ImagePack | None:
    """The images of a collection, or None if it has none."""
    return pack_of_record(workspace.record(COLLECTION, name))


def pack_of_record(record: CollectionRecord) -> ImagePack | None:
    """The images of the collection that a record holds, or None if it has none."""
    if "images.bin" not in record.files:
        return None
    return ImagePack(record.path("images.bin"), record.path("images.npy"))
