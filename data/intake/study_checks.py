"""Check one row of a source: it becomes a study of the collection, or `Skipped` says why not."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from suture.data import limits
from suture.data.collection import DUPLICATE, GROUP, SPLIT, STUDY_ID
from suture.data.errors import Skipped
from suture.data.readers.raw_studies import RawStudies

Picture = np.ndarray | Skipped | None


def check_study(
    raw: RawStudies, number: int, row: dict[str, str], pictures: Sequence[Picture], *, unpaired: bool
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """(cells by column of the collection, images by modality) of a row; raises `Skipped`."""
    roles = raw.roles
    study_id = _study_id(row[roles.study_id] if roles.study_id else f"row-{number + 1:06d}")
    for picture in pictures:
        if isinstance(picture, Skipped):
            raise picture
    texts = {c: _text(row[c]) for c in roles.texts}
    described = any(texts.values()) or any(row[c] for c in roles.tabular)
    seen = sum(picture is not None for picture in pictures)
    _refuse_unpaired(described, seen, sum(map(bool, texts.values())), unpaired=unpaired)
    study = {STUDY_ID: study_id, GROUP: (roles.group and row[roles.group]) or study_id}
    study[SPLIT] = roles.split and row[roles.split].strip()
    study[DUPLICATE] = roles.duplicate_group and row[roles.duplicate_group]
    study |= {raw.rename.get(c, c): text for c, text in texts.items()}
    study |= {c: row[c] for c in (*roles.tabular, *roles.labels)}
    named = zip((raw.rename.get(c, c) for c in roles.images), pictures, strict=True)
    return study, {name: picture for name, picture in named if isinstance(picture, np.ndarray)}


def _refuse_unpaired(described: bool, pictures: int, texts: int, *, unpaired: bool) -> None:
    """A study needs two modalities to compare, unless unpaired studies are allowed."""
    if unpaired and not (described or pictures):
        raise Skipped("study_empty", "The study has neither an image nor a text.")
    if not unpaired and not described and pictures < 2:
        raise Skipped("report_empty", "The study has an image and nothing to pair it with. Add its report.")
    if not unpaired and not pictures and texts < 2:
        raise Skipped("image_missing", "The study has one text and nothing to pair it with. Add its image.")


def _study_id(value: str) -> str:
    value = unicodedata.normalize("NFC", value.strip())
    most = limits.current().id_characters
    if not value or len(value) > most or not value.isprintable():
        what = f"{len(value):,} characters" if value.isprintable() else "unprintable ones"
        raise Skipped("id_invalid", f"An id must be 1 to {most} printable characters, got {what}. Change it.")
    return value


def _text(value: str) -> str:
    text = unicodedata.normalize("NFC", value).replace("\x00", "").strip()
    if len(text) > (most := limits.current().report_characters):
        raise Skipped(
            "report_too_long", f"A text has {len(text):,} characters; the limit is {most:,}. Shorten it."
        )
    return text
