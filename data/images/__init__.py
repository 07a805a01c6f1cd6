"""Pictures: decoded by content from an allow-list, kept without metadata in one pack a collection.

decoding         bytes of strangers -> an upright 8-bit picture, or the reason why not
encoding         a picture as it is kept, and smaller ones of it
pack             the pictures of a collection in one file
pillow_file      a file opened by Pillow, its damage by name
jpeg_truncation  whether a JPEG has all of its pixels
memory_budget    large pictures wait for each other
"""

from suture.data.images.decoding import DEPTHS, FORMATS, SUFFIXES, decode, is_constant, to_eight_bit
from suture.data.images.encoding import KEPT_SIDE, encode, shrunk, thumbnail
from suture.data.images.pack import ImagePack, PackWriter

__all__ = [
    "DEPTHS",
    "FORMATS",
    "KEPT_SIDE",
    "SUFFIXES",
    "ImagePack",
    "PackWriter",
    "decode",
    "encode",
    "is_constant",
    "shrunk",
    "thumbnail",
    "to_eight_bit",
]
