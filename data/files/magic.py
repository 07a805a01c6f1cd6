"""What a file is, by its first bytes; its name is not asked."""

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
    # pictures and documents that Pillow could open, by parsers or programs that nobody here needs
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
    # what is packed or serialised
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


def kind_of(content: bytes) -> str:
    """The kind, "" for text and for what is not known."""
    found = next((kind for at, mark, kind in SIGNATURES if content.startswith(mark, at)), "")
    if found == "WEBP" and not content.startswith(b"RIFF"):
        return ""
    # A bitmap's mark is two letters of text: its header's length must be there, too.
    return "BMP" if not found and content[:2] == b"BM" and content[14:18] in _BITMAP_HEADERS else found


_BITMAP_HEADERS = [size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124)]
