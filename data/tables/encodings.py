"""Decode text by byte-order mark, else as UTF-8, else in the likeliest legacy encoding; which is reported.

Short texts in Chinese, Japanese and Korean encodings decode as one another without an error, so these are
told apart by how many of their characters are common ones in the language. Other alphabets are told apart by
charset-normalizer, and Windows-1252 is what is left.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Sequence

import charset_normalizer

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
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-32")  # without a warning; UTF-16 without its mark has one
INVALID_CHARACTERS = re.compile("[\x00\ud800-\udfff]")  # zero bytes, and bytes that could not be decoded
CONTROLS = bytes({*range(32)} - {*b"\t\n\f\r"})
SAMPLE_BYTES = 2**16
MAX_CONTROL_SHARE = 0.1  # of the first bytes; a text with a stray zero byte is still text


def has_invalid_characters(text: str) -> bool:
    """Whether `INVALID_CHARACTERS` occur; much faster than searching a long text for them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "\x00" in text


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
    if not marked and (encoding := _unmarked_utf16(content)):
        return content.decode(encoding, "replace").replace("\ufffd", "\udcff"), encoding
    if not marked:
        _refuse_binary(content, name)
        return _decode_without_mark(content)
    try:
        return content.decode(marked, "surrogateescape" if marked == "utf-8-sig" else "strict"), marked
    except UnicodeDecodeError as error:
        message = f"{quoted(name)} is marked as {marked.upper()} but is not valid. Save it again as UTF-8."
        raise Refused("table_encoding", message) from error


def _decode_without_mark(content: bytes) -> tuple[str, str]:
    try:
        return content.decode(), "utf-8"
    except UnicodeDecodeError:
        text = content.decode("utf-8", "surrogateescape")
    wrong = len(re.findall("[\udc80-\udcff]+?", text))
    right = len(text) - len(text.encode("ascii", "ignore")) - wrong
    if right >= wrong:  # UTF-8, possibly with a broken line
        return text, "utf-8"
    encoding = _legacy_encoding(content)
    if encoding != "cp1252":
        return content.decode(encoding, "surrogateescape"), encoding
    # In Windows-1252, 0xFF is ÿ, a letter in the names of a few French villages: more often it is damage.
    return content.decode("cp1252", "surrogateescape").replace("ÿ", "\udcff"), "cp1252"


def legacy_encoding(content: bytes) -> str:
    """The name of the encoding in which a text is read, if a warning should say so; "" for Unicode."""
    try:
        content.decode()
        return ""
    except UnicodeDecodeError:
        _, encoding = decode_leniently(content, "")
    return "" if encoding in UNICODE else encoding_name(encoding)


def encoding_name(encoding: str) -> str:
    """The encoding as people know it."""
    return NAMES.get(encoding, encoding.upper())


def _legacy_encoding(content: bytes) -> str:
    """The likeliest encoding of a text that is not UTF-8, judged by its first lines that are not ASCII."""
    sample = _telling_lines(content)
    high = sum(byte > 0x7F for byte in sample)
    runs = sum(map(len, re.findall(rb"[\x80-\xff]{2,}", sample)))
    if runs < MIN_RUNS * high:  # single accented letters between ASCII ones
        return _alphabet(sample, LATIN, least=0.1)
    scores = {encoding: score(sample) for encoding, score in CJK.items()}
    best = max(scores, key=lambda name: scores[name])  # the first of equals
    return best if scores[best] >= MIN_COMMON else _alphabet(sample, OTHER_ALPHABETS, least=0.0)


def _telling_lines(content: bytes) -> bytes:
    lines, size = [], 0
    for line in content[:SEARCHED_BYTES].split(b"\n"):
        if not line.isascii():
            lines.append(line)
            size += len(line)
        if size > SAMPLE_BYTES // 8:
            break
    return b"\n".join(lines)


def _alphabet(sample: bytes, encodings: Sequence[str], *, least: float) -> str:
    """The encoding that charset-normalizer prefers to Windows-1252 by more than `least`, else that."""
    found = charset_normalizer.from_bytes(sample, cp_isolation=["cp1252", *encodings])
    coherence = {match.encoding: match.coherence for match in found}
    best = found.best()
    if best is None or best.encoding not in encodings or _mixes_alphabets(str(best)):
        return "cp1252"
    return best.encoding if best.coherence > coherence.get("cp1252", 0.0) + least else "cp1252"


def _mixes_alphabets(text: str) -> bool:
    """Whether words often have both ASCII and other letters, as no word outside of Latin alphabets has."""
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    latin = all("LATIN" in unicodedata.name(c, "") for word in words for c in word)
    mixed = sum(any(c.isascii() for c in word) for word in words)
    return not latin and mixed > MAX_MIXED * len(words)


def _share(sample: bytes, encoding: str, common: Callable[[str, bytes], float]) -> float:
    """Mean of `common` (character, its bytes) over the characters that are not ASCII.

    0 if the sample does not decode, or has too few of them to tell.
    """
    try:
        characters = [c for c in sample.decode(encoding) if c > "\x7f"]
        total = sum(common(c, c.encode(encoding)) for c in characters)
    except UnicodeError:
        return 0.0
    return total / len(characters) if len(characters) >= FEWEST else 0.0


def _lead_byte(first: int, last: int) -> Callable[[str, bytes], float]:
    return lambda character, code: float(len(code) == 2 and first <= code[0] <= last)


def _is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30fe"


def _chinese(sample: bytes) -> float:
    """GB 2312 has its common characters, by pronunciation, at B0 to D7, and punctuation at A1 and A3."""
    common = _lead_byte(0xB0, 0xD7)
    return _share(sample, "gb18030", lambda c, code: common(c, code) if not _is_punctuation(code) else 1.0)


def _is_punctuation(code: bytes) -> bool:
    return code[0] in (0xA1, 0xA3) and len(code) == 2 and code[1] > 0xA0


def _traditional(sample: bytes) -> float:
    """Big5 has its common characters at A4 to C6."""
    return _share(sample, "big5", _lead_byte(0xA1, 0xC6))


def _shift_jis(sample: bytes) -> float:
    """Kana, punctuation and the first level of Kanji, at 81 to 97; no half-width Katakana."""
    return _share(sample, "cp932", _lead_byte(0x81, 0x97))


def _euc_jp(sample: bytes) -> float:
    """As Shift-JIS; without Kana it is not told from Chinese, and not taken for Japanese."""
    kana = _share(sample, "euc_jp", lambda c, code: float(_is_kana(c)))
    return _share(sample, "euc_jp", _lead_byte(0xA1, 0xCF)) + kana / 10 if kana > MIN_KANA else 0.0


def _korean(sample: bytes) -> float:
    """Common Hangul throughout: they lie at B0 to C8, where GB 2312 has half of its common characters."""
    hangul = _lead_byte(0xB0, 0xC8)
    share = _share(sample, "euc_kr", lambda c, code: 1.0 if _is_punctuation(code) else hangul(c, code))
    return share + 0.1 if share > MIN_HANGUL else 0.0


NAMES = {
    "cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1254": "Windows-1254", "cp1257": "Windows-1257",
    "cp1251": "Windows-1251", "cp1253": "Windows-1253", "koi8_r": "KOI8-R", "cp866": "DOS Cyrillic",
    "gb18030": "GBK", "big5": "Big5", "cp932": "Shift-JIS", "euc_jp": "EUC-JP", "cp949": "EUC-KR",
    "utf-16-le": "UTF-16 without a mark", "utf-16-be": "UTF-16 without a mark",
}  # fmt: skip
SEARCHED_BYTES = 2**22  # in which lines that are not ASCII are looked for
MIN_RUNS = 0.5  # of the bytes beyond ASCII have another beside them, in texts of other than Latin letters
MIN_COMMON = 0.7  # of the characters of a text are common ones in its language
FEWEST = 4  # characters that tell an encoding
MIN_HANGUL = 0.95
MIN_KANA = 0.1
MAX_MIXED = 0.1
LATIN = ("cp1250", "cp1254", "cp1257")
OTHER_ALPHABETS = ("cp1251", "koi8_r", "cp866", "cp1253")
CJK: dict[str, Callable[[bytes], float]] = {
    "gb18030": _chinese, "big5": _traditional, "cp932": _shift_jis, "euc_jp": _euc_jp, "cp949": _korean,
}  # fmt: skip


def _unmarked_utf16(content: bytes) -> str:
    """The byte order of UTF-16 text without its mark, "" if it is none: zero bytes lie on one side only."""
    head = content[:SAMPLE_BYTES]
    zeros = [head[0::2].count(0), head[1::2].count(0)]
    if len(content) % 2 or not any(zeros) or all(zeros):
        return ""
    encoding = "utf-16-be" if zeros[0] else "utf-16-le"
    try:
        text = head[: len(head) // 2 * 2].decode(encoding, "strict")
    except UnicodeDecodeError:
        return ""
    printable = sum(c.isprintable() or c in "\t\r\n" for c in text)
    return encoding if "\n" in text and printable > MIN_PRINTABLE * len(text) else ""


MIN_PRINTABLE = 0.98


def _refuse_binary(content: bytes, name: str) -> None:
    head = content[:SAMPLE_BYTES]
    controls = len(head) - len(head.translate(None, CONTROLS))
    if (kind := file_kind(content)) or controls > MAX_CONTROL_SHARE * len(head):
        what = f"a {kind} file" if kind else "not text"
        message = f"{quoted(name)} is {what}. Expected text in UTF-8. Export it as CSV or .txt."
        raise Refused("table_not_text", message)
