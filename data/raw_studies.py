"""What a reader hands to intake: a table of strings, the role of its columns, and named files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from suture.data.errors import UserError

Problem = tuple[str, str, str]  # item, reason code, message


class Noted:
    """What was left out, or is worth a warning, while files and tables were read. Each counts once."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str], str] = {}
        self._warnings: dict[tuple[str, str], int] = {}

    def leave(self, item: str, error: UserError) -> None:
        """An item that is not taken."""
        self._problems[item, error.code] = error.message

    def warn(self, code: str, item: str = "", count: int = 1) -> None:
        """Something that was taken, and that a person should look at."""
        self._warnings[code, item] = count

    def add(self, other: Noted) -> None:
        """What was noted elsewhere."""
        self._problems |= other._problems
        self._warnings |= other._warnings

    def problems(self) -> tuple[Problem, ...]:
        """Items left out, in order."""
        return tuple((item, code, message) for (item, code), message in self._problems.items())

    def warnings(self) -> dict[str, int]:
        """Code -> how often."""
        counts: dict[str, int] = {}
        for (code, _), count in self._warnings.items():
            counts[code] = counts.get(code, 0) + count
        return counts


class Files(Protocol):
    """Named bytes: a folder, a ZIP, or rows of an Arrow table. Names are labels, never paths."""

    noted: Noted

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
    columns have. `problems` are items that the reader itself had to skip; `warnings` count what was taken
    and should be looked at, by code.
    """

    layout: str
    rows: pd.DataFrame
    roles: Roles
    files: Files
    rename: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    synthetic: bool = False
    notes: Mapping[str, object] = field(default_factory=dict)
