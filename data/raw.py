"""What a reader hands to intake: a table of strings, the role of its columns, and named files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd


class Files(Protocol):
    """Named bytes: a folder, a ZIP, or rows of an Arrow table. Names are labels, never paths."""

    def names(self) -> Iterable[str]:
        """Every file's name, relative, with forward slashes."""
        ...

    def read(self, name: str) -> bytes:
        """The whole file. KeyError if there is no such name; `Skipped` if it is damaged."""
        ...


@dataclass(frozen=True)
class Roles:
    """Which column of the table plays which part. "" = no such column.

    `images` columns hold names of files; `texts` become text modalities under the names of their
    columns; `tabular` columns together form one modality called "tabular".
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
    """A source as its reader understood it; nothing has been decoded or checked yet.

    `rows` holds strings only, "" = missing. `rename` gives modalities better names than their
    columns have. `problems` are items that the reader itself had to skip: (item, code, message).
    """

    layout: str
    rows: pd.DataFrame
    roles: Roles
    files: Files
    rename: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[tuple[str, str, str], ...] = ()
    synthetic: bool = False
    notes: Mapping[str, object] = field(default_factory=dict)
