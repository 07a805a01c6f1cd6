"""Names of files from outside: labels to be shown, never paths to be opened."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path

from suture.data import limits
from suture.data.errors import Skipped

SYSTEM_FOLDERS = ("__MACOSX", ".git", ".svn", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
SYSTEM_FILES = (".ds_store", "thumbs.db", "desktop.ini", ".localized", "ehthumbs.db", ".directory")
ARCHIVES = (
    ".zip", ".7z", ".rar", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".bz2", ".xz", ".zst", ".lz4", ".cab",
)  # fmt: skip
DRIVE = re.compile(r"[A-Za-z]:")
DEVICES = ("\\\\.\\", "\\\\?\\", "//./", "//?/")  # how Windows begins the names of devices


def full_path(path: Path | str) -> Path:
    """A path that a user typed, made absolute here: the process that reads it works in another folder."""
    with suppress(RuntimeError):  # "~name" of nobody
        path = Path(path).expanduser()
    return Path(path).absolute()


def leads_out(name: str) -> bool:
    """Whether a path in an archive is absolute, or has "..", so that it leads out of the archive."""
    path = name.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or bool(DRIVE.match(path) and path[2:3] == "/")


def check_member_name(name: str) -> None:
    """`Skipped` for the name of a file in an archive that no file can have everywhere."""
    if "\x00" in name:
        raise Skipped("member_name_invalid", "Its name has a zero byte. Rename it and pack again.")
    if name.startswith(DEVICES):
        raise Skipped("member_name_invalid", "Its name is that of a device. Rename it and pack again.")
    if DRIVE.match(name):
        message = "Its name begins with a letter and a colon, as a drive's does. Rename it and pack again."
        raise Skipped("member_name_invalid", message)


def quoted(name: object, length: int = 60) -> str:
    """The name in quotes, truncated, with control and bidirectional characters escaped."""
    text = str(name)
    return repr(text if len(text) <= length else f"{text[: length - 1]}…")


def printable_id(name: str) -> str:
    """The name as an id: unprintable characters escaped; the front of a long one replaced by a hash."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    most = limits.current().id_characters
    if len(plain) <= most:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{digest}…{plain[-(most // 2) :]}"


def is_system_file(name: str) -> bool:
    """Whether it is a file that operating systems leave in folders and archives, such as .DS_Store."""
    *folders, last = name.split("/")
    is_system = last.lower() in SYSTEM_FILES or last.startswith("._")
    return is_system or not {*SYSTEM_FOLDERS}.isdisjoint(folders)


def is_archive(name: str) -> bool:
    """Whether the suffix is that of an archive. A gzipped table (.csv.gz) is not one: some layouts use it."""
    lower = name.lower()
    return lower.endswith(ARCHIVES) or (lower.endswith(".gz") and ".tar" in lower)
