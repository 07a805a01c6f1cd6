"""Limits on what is read from a source. The defaults fit real collections; a setting can change them.

The environment variable `SUTURE_LIMITS` holds JSON, such as {"table_rows": 5000000}. Limits that it does not
name keep their defaults.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from suture.data.errors import Refused

SETTING = "SUTURE_LIMITS"
MB = 2**20


def _limit(default: int, what: str) -> Any:
    return field(default=default, metadata={"what": what})


@dataclass(frozen=True)
class Limits:
    """Each field is a maximum, except `image_side_least`, which is a minimum."""

    members: int = _limit(400_000, "files in one folder or archive")
    member_bytes: int = _limit(512 * MB, "bytes of one file in an archive, unpacked")
    archive_bytes: int = _limit(64 * 1024 * MB, "bytes of all files of an archive, unpacked")
    ratio: int = _limit(100, "unpacked bytes for one packed byte, beyond the first 10 MB")
    image_pixels: int = _limit(40_000_000, "pixels of one image")
    image_side: int = _limit(20_000, "pixels of one side of an image")
    image_side_least: int = _limit(8, "pixels of one side of an image, at least")
    dicom_pixels: int = _limit(1_000_000_000, "pixels of all frames of one DICOM file")
    dicom_bytes: int = _limit(256 * MB, "bytes of one deflated DICOM file, unpacked")
    report_characters: int = _limit(50_000, "characters of one report")
    id_characters: int = _limit(200, "characters of one id")
    table_rows: int = _limit(2_000_000, "rows of one table")
    table_columns: int = _limit(2_000, "columns of one table")
    table_bytes: int = _limit(2 * 1024 * MB, "bytes of one table, unpacked")


def current() -> Limits:
    """The limits in force. `Refused` if the setting is not a JSON object of positive whole numbers."""
    return _parsed(os.environ.get(SETTING, ""))


def describe() -> list[tuple[str, str]]:
    """(what is limited, the limit) of every limit, for people to read."""
    limits = current()
    return [(f.metadata["what"], f"{getattr(limits, f.name):,}") for f in fields(limits)]


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether decompressing `packed` bytes to `unpacked` exceeds the allowed ratio (a decompression bomb)."""
    return unpacked > 10_000_000 and unpacked > current().ratio * packed


@lru_cache
def _parsed(setting: str) -> Limits:
    known = [f.name for f in fields(Limits)]
    try:
        given = dict(json.loads(setting)) if setting.strip() else {}
    except (ValueError, TypeError, RecursionError):
        raise Refused("limits_invalid", f"{SETTING} should hold a JSON object, got other text.") from None
    for name, value in given.items():
        if name not in known or type(value) is not int or value < 1:
            raise Refused(
                "limits_invalid",
                f"{SETTING} should give a positive whole number to one of {', '.join(known)}; "
                f"got {str(name)[:40]!r}.",
            )
    return Limits(**given)
