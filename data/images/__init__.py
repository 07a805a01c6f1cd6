"""Images: decoded from an allow-list of formats, and stored without metadata, one pack per collection.

decoding         untrusted bytes -> an upright 8-bit image, or the reason why it is refused
encoding         images as they are stored, and thumbnails
pack             the images of a collection in one file
pillow_file      opening a file with Pillow; codec errors become `Skipped`
jpeg_truncation  whether a JPEG contains all of its pixels
memory_budget    limits how many pixels are decoded at the same time
"""

from suture.data.images.decoding import DEPTHS, FORMATS, SUFFIXES, decode, is_constant, to_eight_bit
from suture.data.images.encoding import STORED_SIDE, downscale, encode, thumbnail
from suture.data.images.pack import ImagePack, PackWriter

__all__ = [
    "DEPTHS",
    "FORMATS",
    "STORED_SIDE",
    "SUFFIXES",
    "ImagePack",
    "PackWriter",
    "decode",
    "downscale",
    "encode",
    "is_constant",
    "thumbnail",
    "to_eight_bit",
]
