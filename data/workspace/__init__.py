"""The folder that keeps everything: files under generated ids, and one SQLite index of truth.

home     the workspace: what is in it, for whom, and how it comes and goes
record   one published thing
schema   the index: its tables, its version, and how an older one becomes this one
durable  files that are there as a whole or not at all
derived  what can be computed again
deletion deleting that deletes
cleanup  what interrupted work has left behind
disk_space room on the disk
"""

from suture.data.workspace.derived import keep, kept
from suture.data.workspace.durable import replacing, sha256, write_atomically
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
    "check_name",
    "keep",
    "kept",
    "replacing",
    "sha256",
    "write_atomically",
]
