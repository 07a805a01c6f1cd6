"""Names of files as they come: labels to be shown, never paths to be opened."""

from __future__ import annotations

import hashlib

from suture.data import limits

JUNK_FOLDERS = ("__MACOSX", ".git", ".svn", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
JUNK = (".ds_store", "thumbs.db", "desktop.ini", ".localized", "ehthumbs.db", ".directory")
ARCHIVES = (
    ".zip", ".7z", ".rar", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".bz2", ".xz", ".zst", ".lz4", ".cab",
)  # fmt: skip


def shown(name: object, length: int = 60) -> str:
    """In quotes, cut, with what could turn or hide the text around it written out."""
    text = str(name)
    return repr(text if len(text) <= length else f"{text[: length - 1]}…")


def label(name: str) -> str:
    """As an id: invisible and turning characters written out, the front of what is too long replaced."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    most = limits.current().id_characters
    if len(plain) <= most:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{digest}…{plain[-(most // 2) :]}"


def is_junk(name: str) -> bool:
    """Files that operating systems leave in folders and archives."""
    *folders, last = name.split("/")
    left = last.lower() in JUNK or last.startswith("._")
    return left or not {*JUNK_FOLDERS}.isdisjoint(folders)


def is_archive(name: str) -> bool:
    """Whether the suffix is that of an archive. Tables in gzip (.csv.gz) are not: some layouts have them."""
    lower = name.lower()
    return lower.endswith(ARCHIVES) or (lower.endswith(".gz") and ".tar" in lower)
