"""What the columns of a table mean: first by what their cells are, then by their headers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from suture.data.phi.identifiers import header_key, is_private
from suture.data.raw_studies import Files, Roles
from suture.data.readers.file_lookup import SPLITS, Lookup, inside, is_picture, pictures
from suture.data.readers.finish import RESERVED

SAMPLE = 500  # rows looked at for what costs a look-up a cell
MAX_LABELS = 50  # distinct values; more is no category
SPARSE = 0.05  # a picture column that is filled less often is a remark (duplicate_of, see_also)

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
    """How a column's sampled cells look as names of files."""

    column: str
    found: frozenset[str]
    share: float  # of the filled cells: found, or at least spelt like a picture's name
    written_out: float  # of the cells found: written with their extension
    filled: float


def guess_roles(rows: pd.DataFrame, files: Files) -> Roles:
    """The likeliest role of every column; what fits nothing has none. Shown for correction."""
    filled = [c for c in rows.columns if rows[c].ne("").any()]
    images = _images(rows, filled, Lookup(pictures(files.names())))
    split = _split(rows, filled)
    duplicate = _by_header(filled, DUPLICATES)
    study_id = _study_id(rows, filled)
    group = next((c for c in ranked(filled, GROUPS) if c != study_id), "") or _repeated_id(rows, filled)
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


def ranked(columns: list[str], known: tuple[str, ...]) -> list[str]:
    """Those columns whose header is known, in the order of `known`."""
    return sorted((c for c in columns if header_key(c) in known), key=lambda c: known.index(header_key(c)))


def _by_header(columns: list[str], known: tuple[str, ...]) -> str:
    return next(iter(ranked(columns, known)), "")


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
    good = sum(bool(found[v]) or (is_picture(v) and bool(inside(v))) for v in values)
    names = [v for v in values if found[v]]
    return _Pictures(
        column=column,
        found=frozenset(found[v] for v in names),
        share=good / max(len(values), 1),
        written_out=sum(is_picture(v) for v in names) / max(len(names), 1),
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
    """A known header whose values are all different, else nearly so, else any unique "…_id"."""
    by_name = ranked(columns, IDS)
    unique = [c for c in columns if rows[c].is_unique and rows[c].str.len().max() <= 200]
    nearly = [c for c in by_name if rows[c].nunique() > 0.7 * len(rows)]
    ending = [c for c in unique if header_key(c).split("_")[-1] in ("id", "uid", "key")]
    return next(iter([c for c in by_name if c in unique] + nearly + ending), "")


def _repeated_id(rows: pd.DataFrame, columns: list[str]) -> str:
    """One row an image: a study_id that repeats is what its rows have in common."""
    known = ranked(columns, ("study_id", "report_id", "exam_id"))
    return next((c for c in known if rows[c].nunique() <= 0.7 * len(rows)), "")


def _texts(rows: pd.DataFrame, columns: list[str]) -> tuple[str, ...]:
    """Columns of words with a known header; without any, the columns of sentences."""
    words = [c for c in columns if not is_private(c) and _has_letters(rows[c])]
    named = [c for c in words if _text_rank(c) < len(TEXTS)]
    sentences = [c for c in words if rows[c].str.count(" ").mean() >= 3]
    return tuple(sorted(named, key=_text_rank) or sentences)


def _empty_texts(rows: pd.DataFrame) -> tuple[str, ...]:
    """A report column without reports is still one: each study is then skipped for its own reason."""
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
    return few and not is_private(column) and column not in RESERVED
