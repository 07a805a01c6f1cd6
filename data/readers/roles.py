"""Guess the roles of a table's columns: first by their cells, then by their headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suture.data.files.sources import Files
from suture.data.phi.identifiers import header_key, is_personal
from suture.data.readers.file_lookup import SPLITS, Lookup, image_names, is_image_name, relative_path
from suture.data.readers.finish import RESERVED_COLUMNS
from suture.data.readers.raw_studies import Roles

SAMPLE = 500  # rows checked where each cell costs a look-up
MAX_LABELS = 50  # a column with more distinct values is not a category
SPARSE = 0.05  # an image column filled less often is a remark (duplicate_of, see_also)

IDS = (
    "study_id", "image_id", "id", "uid", "accession", "accession_number", "sop_instance_uid",
    "report_id", "exam_id", "sample_id", "key", "filename", "file_name",
)  # fmt: skip
GROUPS = (
    "patient_id", "subject_id", "patient", "subject", "case_id", "case", "person_id", "group",
    "group_id", "pmcid", "pmc_id", "article_id",
)  # fmt: skip
DUPLICATES = ("caption_group", "duplicate_group")
SPLIT_HEADERS = ("split", "fold", "set", "subset", "partition")
TEXTS = (
    "caption", "report", "finding", "impression", "conclusion", "text", "description", "narrative",
    "summary", "history", "indication",
)  # fmt: skip
PICTURE_HEADERS = ("image", "img", "picture", "path", "file", "filename", "frontal", "lateral")


@dataclass(frozen=True)
class _Pictures:
    """How well a column's sampled cells match the names of image files."""

    column: str
    found: frozenset[str]
    share: float  # of the filled cells: those found, or at least with an image suffix
    written_out: float  # of the cells found: those with their extension
    filled: float


def guess_roles(rows: pd.DataFrame, files: Files) -> Roles:
    """The likeliest role of every column; one that fits no role has none. The user can correct them."""
    filled = [c for c in rows.columns if rows[c].ne("").any()]
    images = _images(rows, filled, Lookup(image_names(files.names())))
    split = _split(rows, filled)
    duplicate = _by_header(filled, DUPLICATES)
    study_id = _study_id(rows, filled)
    group = next((c for c in columns_named(filled, GROUPS) if c != study_id), "") or _repeated_id(
        rows, filled
    )
    used = {*images, split, duplicate, study_id, group}
    texts = _texts(rows, [c for c in filled if c not in used]) or _empty_texts(rows)
    used |= {*texts}
    labels = tuple(c for c in filled if c not in used and _is_label(c, rows[c]))
    return Roles(
        study_id=study_id,
        images=images,
        texts=texts,
        labels=labels,
        group=group,
        split=split,
        duplicate_group=duplicate,
    )


def columns_named(columns: list[str], known: tuple[str, ...]) -> list[str]:
    """The columns whose normalised header is in `known`, in the order of `known`."""
    return sorted((c for c in columns if header_key(c) in known), key=lambda c: known.index(header_key(c)))


def _by_header(columns: list[str], known: tuple[str, ...]) -> str:
    return next(iter(columns_named(columns, known)), "")


def _images(rows: pd.DataFrame, columns: list[str], lookup: Lookup) -> tuple[str, ...]:
    sample = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, SAMPLE).astype(int))]
    seen = [p for p in (_picture_column(c, sample[c], lookup) for c in columns) if _names_pictures(p)]
    if any(p.found for p in seen):
        seen = [p for p in seen if p.found]
    kept: list[_Pictures] = []
    for one in sorted(seen, key=lambda p: (-p.written_out, -_is_picture_header(p.column))):
        if not any(len(one.found & other.found) > len(one.found) / 2 for other in kept):
            kept.append(one)
    return tuple(c for c in columns if c in {p.column for p in kept})


def _picture_column(column: str, cells: pd.Series, lookup: Lookup) -> _Pictures:
    values = [v for v in cells if v]
    found = {v: lookup.find(v) for v in values}
    good = sum(bool(found[v]) or (is_image_name(v) and bool(relative_path(v))) for v in values)
    names = [v for v in values if found[v]]
    return _Pictures(
        column=column,
        found=frozenset(found[v] for v in names),
        share=good / max(len(values), 1),
        written_out=sum(is_image_name(v) for v in names) / max(len(names), 1),
        filled=len(values) / len(cells),
    )


def _names_pictures(column: _Pictures) -> bool:
    named = bool(column.found) and _is_picture_header(column.column)
    return column.filled >= SPARSE and (column.share >= 0.5 or named)


def _is_picture_header(column: str) -> bool:
    return not {*header_key(column).split("_")}.isdisjoint(PICTURE_HEADERS)


def _split(rows: pd.DataFrame, columns: list[str]) -> str:
    words = {*SPLITS, ""}
    known = [c for c in columns if all(v.strip().lower() in words for v in rows[c].unique())]
    return _by_header(known, SPLIT_HEADERS) or next(iter(known), "")


def _study_id(rows: pd.DataFrame, columns: list[str]) -> str:
    """A known header with unique values, else one with nearly unique values, else any unique "…_id"."""
    by_name = columns_named(columns, IDS)
    unique = [c for c in columns if rows[c].is_unique and rows[c].str.len().max() <= 200]
    nearly = [c for c in by_name if rows[c].nunique() > 0.7 * len(rows)]
    ending = [c for c in unique if header_key(c).split("_")[-1] in ("id", "uid", "key")]
    return next(iter([c for c in by_name if c in unique] + nearly + ending), "")


def _repeated_id(rows: pd.DataFrame, columns: list[str]) -> str:
    """In a table with one row per image, a repeating study_id is the group of its rows."""
    known = columns_named(columns, ("study_id", "report_id", "exam_id"))
    return next((c for c in known if rows[c].nunique() <= 0.7 * len(rows)), "")


def _texts(rows: pd.DataFrame, columns: list[str]) -> tuple[str, ...]:
    """Text columns with a known header; if there are none, columns of sentences."""
    words = [c for c in columns if not is_personal(c) and _has_letters(rows[c])]
    named = [c for c in words if _text_rank(c) < len(TEXTS)]
    sentences = [c for c in words if rows[c].str.count(" ").mean() >= 3]
    return tuple(sorted(named, key=_text_rank) or sentences)


def _empty_texts(rows: pd.DataFrame) -> tuple[str, ...]:
    """Empty columns with a text header count as texts, so that each study is skipped with a reason."""
    empty = [c for c in rows.columns if rows[c].eq("").all()]
    return tuple(c for c in empty if _text_rank(c) < len(TEXTS))


def _text_rank(column: str) -> int:
    word = header_key(column).split("_")[-1].removesuffix("s")
    return TEXTS.index(word) if word in TEXTS else len(TEXTS)


def _has_letters(cells: pd.Series) -> bool:
    values = cells[cells.str.contains(r"\w", regex=True)].head(SAMPLE)
    return bool(values.str.contains(r"[^\W\d_]", regex=True).mean() >= 0.5)


def _is_label(column: str, cells: pd.Series) -> bool:
    values = cells[cells.ne("")]
    few = 2 <= values.nunique() <= MAX_LABELS and values.nunique() < len(values) / 2
    return few and not is_personal(column) and column not in RESERVED_COLUMNS
