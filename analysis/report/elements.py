"""The elements of a report before rendering: sections of text, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

Tone = Literal["good", "bad", "other", "open", ""]


@dataclass(frozen=True)
class Text:
    """Paragraphs or list items. `verdict` and `lead` emphasise the first line."""

    lines: tuple[str, ...]
    style: Literal["plain", "list", "verdict", "lead", "warning"] = "plain"
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Table:
    """Rows as text.

    key       unique in the report; the name of the downloaded files
    data      the same rows as numbers, for CSV; default: the text
    tones     colour of the verdict of each row; the verdict is in the text too
    pictures  one per row: JPEG bytes or None
    folded    collapsed until opened, also in print
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
        """The rows as mappings from column title to text."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Chart:
    """A figure with a one-sentence caption."""

    key: str
    title: str
    figure: go.Figure
    note: str = ""
    kind: Literal["chart"] = "chart"


Element = Text | Table | Chart


@dataclass(frozen=True)
class Section:
    """A heading in the table of contents, and its elements."""

    key: str
    title: str
    parts: tuple[Element, ...]
