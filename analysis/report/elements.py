"""What a report is made of: sections of text, tables and charts, before any of it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

Tone = Literal["good", "bad", "other", "open", ""]


@dataclass(frozen=True)
class Text:
    """Paragraphs, or the points of a list. The first stands out in a `verdict` and a `lead`."""

    lines: tuple[str, ...]
    style: Literal["plain", "list", "verdict", "lead", "warning"] = "plain"
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Table:
    """Rows as people read them.

    key       unique in the report; names the files that its buttons make
    data      the same rows as numbers, for CSV; default: as people read them
    tones     one a row: how its verdict is coloured, which its words say too
    pictures  one a row: JPEG bytes, or none
    folded    closed until somebody opens it, on paper too
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    data: tuple[Mapping[str, object], ...] = ()
    tones: tuple[Tone, ...] = ()
    pictures: tuple[bytes | None, ...] = ()
    folded: bool = False
    kind: Literal["table"] = "table"

    def records(self) -> list[dict[str, str]]:
        """The rows by title of column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Chart:
    """A figure with what it shows in a sentence."""

    key: str
    title: str
    figure: go.Figure
    note: str = ""
    kind: Literal["chart"] = "chart"


Element = Text | Table | Chart


@dataclass(frozen=True)
class Section:
    """A heading of the table of contents, and what stands under it."""

    key: str
    title: str
    parts: tuple[Element, ...]
