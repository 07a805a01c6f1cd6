"""`RawStudies`, the result of a reader: a table of strings, the roles of its columns, and the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from suture.data.files.read_issues import Problem
from suture.data.files.sources import Files


@dataclass(frozen=True)
class Roles:
    """The role of each column of a table. "" = no such column.

    `images` columns hold file names; `texts` become text modalities named like their columns; the `tabular`
    columns together form one modality called "tabular".
    """

    study_id: str = ""
    images: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    tabular: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    group: str = ""
    split: str = ""
    duplicate_group: str = ""

    def columns(self) -> set[str]:
        """Every column that has a role."""
        single = {self.study_id, self.group, self.split, self.duplicate_group} - {""}
        return single | {*self.images, *self.texts, *self.tabular, *self.labels}


@dataclass(frozen=True)
class RawStudies:
    """A source as its reader understood it; nothing is decoded or checked yet.

    rows      strings only, "" = missing
    rename    column -> name of its modality, where that differs
    problems  items that the reader itself skipped
    warnings  warning code -> number of items
    warned    warning code -> the items, where they have names
    unmatched  numbers of the rows of a table that describe no file here, from 0
    absent    cell of an image column that names no file -> (code, message); others are just not there
    missing   what the source lacks to be imported, for the user to correct; "" = nothing
    """

    layout: str
    rows: pd.DataFrame
    roles: Roles
    files: Files
    rename: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    warned: Mapping[str, list[str]] = field(default_factory=dict)
    synthetic: bool = False
    notes: Mapping[str, object] = field(default_factory=dict)
    unmatched: Sequence[int] = ()
    absent: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    missing: str = ""
