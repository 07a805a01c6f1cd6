"""The workspace: the folder that stores everything, as files under generated ids and one SQLite index.

home            `Workspace`: list, publish, rename and delete records
record          `Record`: one published collection, checkpoint, embedding set, selection or captioner
embedding_sets  storage of embedding sets (collections: `suture.data.collections.storage`)
schema          the SQLite index: tables, version, migrations
durable         atomic, durable writes
derived         cached results that can be computed again
deletion        deleting a record and everything derived from it
cleanup         deleting what interrupted work has left behind
disk_space      free space: checks, errors, and a small reserve
maintenance     verify, clean up and back up a workspace
describe        one line about a record
log             the log file
"""

from suture.data.workspace.derived import read_derived, write_derived
from suture.data.workspace.durable import atomic_replace, sha256, write_atomically
from suture.data.workspace.home import Workspace
from suture.data.workspace.record import (
    BUILT_IN,
    CAPTIONER,
    CHECKPOINT,
    COLLECTION,
    KINDS,
    SELECTION,
    SET,
    CaptionerRecord,
    CheckpointRecord,
    CollectionRecord,
    EmbeddingSetRecord,
    Record,
    RecordKind,
    SelectionRecord,
    check_name,
)

__all__ = [
    "BUILT_IN",
    "CAPTIONER",
    "CHECKPOINT",
    "COLLECTION",
    "KINDS",
    "SELECTION",
    "SET",
    "CaptionerRecord",
    "CheckpointRecord",
    "CollectionRecord",
    "EmbeddingSetRecord",
    "Record",
    "RecordKind",
    "SelectionRecord",
    "Workspace",
    "atomic_replace",
    "check_name",
    "read_derived",
    "sha256",
    "write_atomically",
    "write_derived",
]
