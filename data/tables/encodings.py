"""Bytes to text: by byte-order mark, else UTF-8, else Windows-1252, and said so."""

from __future__ import annotations

import codecs
import re

from suture.data.errors import Refused
from suture.data.files.magic import kind_of
from suture.data.files.names import shown

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ODD = re.compile("[\x00\ud800-\udfff]")  # zero bytes, and bytes that no encoding explains
CONTROLS = bytes({*range(32)} - {*b"\t\n\f\r"})
LOOKED_AT = 2**16
MOST_CONTROLS = 0.1  # of the first bytes; a text with a stray zero byte is still a text


def storable(text: str) -> str:
    """The same; half a character, which JSON may hold and nothing can store, becomes "?"."""
    return text.encode("utf-8", "replace").decode()


def decode(content: bytes, name: str) -> str:
    """The whole text. `Refused` if it is not text, or has bytes that no encoding explains."""
    text, _ = lenient(content, name)
    if ODD.search(text):
        message = f"{shown(name)} is neither UTF-8 nor Windows-1252 throughout. Save it again as UTF-8."
        raise Refused("table_encoding", message)
    return text


def lenient(content: bytes, name: str) -> tuple[str, str]:
    """(text, encoding); what cannot be explained is left in it as `ODD` characters. `Refused` if no text."""
    marked = next((encoding for mark, encoding in MARKS if content.startswith(mark)), "")
    if not marked:
        _refuse_binary(content, name)
        return _unmarked(content)
    try:
        return content.decode(marked, "surrogateescape" if marked == "utf-8-sig" else "strict"), marked
    except UnicodeDecodeError as error:
        message = f"{shown(name)} says it is {marked.upper()}, and is not throughout. Save it again as UTF-8."
        raise Refused("table_encoding", message) from error


def _unmarked(content: bytes) -> tuple[str, str]:
    text = content.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text, "utf-8"
    wrong = sum("\udc80" <= c <= "\udcff" for c in text)
    right = sum(c > "\x7f" for c in text) - wrong
    if right >= wrong:  # UTF-8, if need be with a broken line
        return text, "utf-8"
    # 0xFF is ÿ there, a letter that names of a few French villages have: it is a broken byte more often.
    return content.decode("cp1252", "surrogateescape").replace("ÿ", "\udcff"), "cp1252"


def _refuse_binary(content: bytes, name: str) -> None:
    head = content[:LOOKED_AT]
    controls = len(head) - len(head.translate(None, CONTROLS))
    if (kind := kind_of(content)) or controls > MOST_CONTROLS * len(head):
        what = f"a {kind} file" if kind else "not text"
        message = f"{shown(name)} is {what}. Expected text in UTF-8: export it as CSV or .txt."
        raise Refused("table_not_text", message)
