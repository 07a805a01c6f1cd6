"""Warnings about a whole table: patients in several splits, rounded ids, and columns that were not used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from suture.data.phi.identifiers import header_key
from suture.data.readers.raw_studies import RawStudies
from suture.data.readers.roles import GROUPS, IDS, SPLIT_HEADERS, columns_named, is_patient_header

SCIENTIFIC = r"\d(?:[.,]\d+)?[eE]\+\d{2}"  # how a spreadsheet shows a long number
LONG = r"\d{15}\d*0"  # spreadsheets keep 15 digits and fill up with zeros


@dataclass(frozen=True)
class Warned:
    """A warning: how many rows, patients or columns it is about, and the columns, which may be named."""

    code: str
    count: int
    columns: tuple[str, ...] = ()


def table_warnings(raw: RawStudies) -> Iterator[Warned]:
    """What should be checked before the studies of a table are measured."""
    rows, roles = raw.rows, raw.roles
    if roles.group and roles.split and (several := _in_several_splits(rows[roles.group], rows[roles.split])):
        yield Warned("warn_patient_in_splits", several)
    columns = [*map(str, rows.columns)]
    ids = {roles.study_id, roles.group, *columns_named(columns, (*IDS, *GROUPS))} - {""}
    rounded = {column: n for column in columns if column in ids and (n := _rounded(rows[column]))}
    if rounded:
        yield Warned("warn_ids_rounded", max(rounded.values()), tuple(rounded))
    unused = [c for c in columns if c not in roles.columns() and rows[c].ne("").any()]
    alike = [c for c in unused if not roles.group and is_patient_header(c) and not rows[c].is_unique]
    alike += [c for c in unused if not roles.split and header_key(c).split("_")[-1] in SPLIT_HEADERS]
    if alike:
        yield Warned("warn_column_not_used", len(alike), tuple(alike))


def _in_several_splits(groups: pd.Series, splits: pd.Series) -> int:
    """How many patients have studies in more than one split."""
    known = groups.ne("") & splits.ne("")
    return int((splits[known].groupby(groups[known]).nunique() > 1).sum())


def _rounded(cells: pd.Series) -> int:
    """Ids that a spreadsheet has rounded: in scientific notation, or all long and ending in zeros."""
    filled = cells[cells.ne("")].str.strip()
    scientific = int(filled.str.fullmatch(SCIENTIFIC).sum())
    long = filled[filled.str.fullmatch(r"\d{16,}")]
    zeros = len(long) if len(long) > 2 and long.str.fullmatch(LONG).all() else 0
    return scientific or zeros
