"""The folder that keeps everything: files under generated ids, and one SQLite index of truth.

home        the workspace: records and how they are published, found, renamed and removed
durable     files that are there as a whole or not at all
"""

from data.workspace.durable import replacing, sha256, write_atomically
from data.workspace.home import (
    BUILT_IN,
    CHECKPOINT,
    COLLECTION,
    KINDS,
    SCHEMA_VERSION,
    SELECTION,
    SET,
    STALE_SECONDS,
    Record,
    Workspace,
    check_name,
)

__all__ = [
    "BUILT_IN",
    "CHECKPOINT",
    "COLLECTION",
    "KINDS",
    "SCHEMA_VERSION",
    "SELECTION",
    "SET",
    "STALE_SECONDS",
    "Record",
    "Workspace",
    "check_name",
    "replacing",
    "sha256",
    "write_atomically",
]
