"""File types by magic bytes; file names are not trusted.

`file_kind` names the type of any known file. `is_dicom` and `with_preamble` also recognise DICOM files
without the standard preamble, as old archives keep them.
"""

from __future__ import annotations

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (0, b"II+\x00", "TIFF"),
    (0, b"MM\x00+", "TIFF"),
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (8, b"WEBP", "WEBP"),
    (128, b"DICM", "DICOM"),
    # image and document formats that Pillow could open with parsers or programs that Suture does not need
    (0, b"8BPS", "PSD"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"icns", "ICNS"),
    (0, b"gimp xcf", "XCF"),
    (4, b"ftyp", "HEIF"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    # compressed and serialised formats
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"PK\x05\x06", "ZIP"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!", "RAR"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"PAR1", "Parquet"),
    (0, b"ARROW1", "Arrow"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"SQLite format 3", "SQLite"),
    (0, b"\xd0\xcf\x11\xe0", "old Office"),
    (0, b"\x7fELF", "program"),
    (0, b"MZ\x90", "program"),
    *((0, bytes([0x80, protocol]), "pickle") for protocol in (2, 3, 4, 5)),
)
ARCHIVES = ("ZIP", "gzip", "bzip2", "xz", "7z", "RAR", "zstd")

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
DICOM_MARK = b"DICM"
DICOM_PREAMBLE = bytes(128)
DICOM_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # little, little and big endian


def file_kind(content: bytes) -> str:
    """The file type, "" for text and unknown types."""
    kind = next((kind for at, mark, kind in SIGNATURES if content.startswith(mark, at)), "")
    if kind == "WEBP" and not content.startswith(b"RIFF"):
        return ""
    # The magic bytes of a bitmap are two letters that may begin a text, so its header length is checked too.
    return "BMP" if not kind and content[:2] == b"BM" and content[14:18] in _BITMAP_HEADERS else kind


_BITMAP_HEADERS = [size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)]


def is_dicom(content: bytes, name: str = "") -> bool:
    """Whether the file has the DICM mark, or has a DICOM suffix and is of no other known type.

    A file that only has the suffix may turn out not to be DICOM; `open_dicom` refuses it then.
    """
    called = name.lower().endswith(DICOM_SUFFIXES)
    return content[128:132] == DICOM_MARK or (called and not file_kind(content))


def with_preamble(content: bytes) -> bytes | None:
    """The file with an empty preamble and the DICM mark, added where missing; None if it is not DICOM.

    The preamble is always replaced: it can contain a program.
    """
    if content[128:132] == DICOM_MARK:
        return DICOM_PREAMBLE + content[128:]
    bare = content.removeprefix(DICOM_MARK)
    return DICOM_PREAMBLE + DICOM_MARK + bare if bare.startswith(DICOM_FIRST_GROUPS) else None
