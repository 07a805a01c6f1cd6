"""Decode text by byte-order mark, else as UTF-8, else as Windows-1252; the encoding is reported."""

from __future__ import annotations

import codecs
import re

from suture.data.errors import Refused
from suture.data.files.magic import file_kind
from suture.data.files.names import quoted

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
INVALID_CHARACTERS = re.compile("[\x00\ud800-\udfff]")  # zero bytes, and bytes that could not be decoded
CONTROLS = bytes({*range(32)} - {*b"\t\n\f\r"})
SAMPLE_BYTES = 2**16
MAX_CONTROL_SHARE = 0.1  # of the first bytes; a text with a stray zero byte is still text


def without_surrogates(text: str) -> str:
    """The text with lone surrogates, which JSON can contain and UTF-8 cannot store, replaced by "?"."""
    return text.encode("utf-8", "replace").decode()


def decode(content: bytes, name: str) -> str:
    """The whole text. `Refused` if it is not text, or has bytes that cannot be decoded."""
    text, _ = decode_leniently(content, name)
    if INVALID_CHARACTERS.search(text):
        message = f"{quoted(name)} is neither UTF-8 nor Windows-1252 throughout. Save it again as UTF-8."
        raise Refused("table_encoding", message)
    return text


def decode_leniently(content: bytes, name: str) -> tuple[str, str]:
    """(text, encoding), undecodable bytes kept as `INVALID_CHARACTERS`. `Refused` if it is not text."""
    marked = next((encoding for mark, encoding in BYTE_ORDER_MARKS if content.startswith(mark)), "")
    if not marked:
        _refuse_binary(content, name)
        return _decode_without_mark(content)
    try:
        return content.decode(marked, "surrogateescape" if marked == "utf-8-sig" else "strict"), marked
    except UnicodeDecodeError as error:
        message = f"{quoted(name)} is marked as {marked.upper()} but is not valid. Save it again as UTF-8."
        raise Refused("table_encoding", message) from error


def _decode_without_mark(content: bytes) -> tuple[str, str]:
    text = content.decode("utf-8", "surrogateescape")
    if text.isascii():
        return text, "utf-8"
    wrong = sum("\udc80" <= c <= "\udcff" for c in text)
    right = sum(c > "\x7f" for c in text) - wrong
    if right >= wrong:  # UTF-8, possibly with a broken line
        return text, "utf-8"
    # In Windows-1252, 0xFF is ÿ, a letter in the names of a few French villages: more often it is damage.
    return content.decode("cp1252", "surrogateescape").replace("ÿ", "\udcff"), "cp1252"


def _refuse_binary(content: bytes, name: str) -> None:
    head = content[:SAMPLE_BYTES]
    controls = len(head) - len(head.translate(None, CONTROLS))
    if (kind := file_kind(content)) or controls > MAX_CONTROL_SHARE * len(head):
        what = f"a {kind} file" if kind else "not text"
        message = f"{quoted(name)} is {what}. Expected text in UTF-8. Export it as CSV or .txt."
        raise Refused("table_not_text", message)
